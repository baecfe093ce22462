"""How many proofs it takes for entries that are far apart, without a database."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.casefiles import proving
from console.casefiles.proving import GAP, MOST_LINKS, TAIL


@pytest.mark.parametrize(
    ("sequences", "runs"),
    [
        ([], []),
        ([7], [[7]]),
        ([9, 7, 7, 8], [[7, 8, 9]]),
        ([1, 1 + GAP, 2 + 2 * GAP], [[1, 1 + GAP], [2 + 2 * GAP]]),
    ],
)
def test_entries_far_apart_are_proven_by_themselves(sequences: list[int], runs: list[list[int]]) -> None:
    assert proving.runs(sequences) == runs


@settings(max_examples=40)
@given(st.sets(st.integers(1, 3_000_000), min_size=1, max_size=60))
def test_the_newest_are_proven_and_the_proofs_stay_small(sequences: set[int]) -> None:
    runs = proving.runs(sequences)
    reached = [sequence for run in runs for sequence in run]
    assert reached == sorted(sequences)[-len(reached) :]
    assert all(later - earlier <= GAP for run in runs for earlier, later in pairwise(run))
    assert sum(run[-1] - run[0] for run in runs) + TAIL * (len(runs) - 1) <= MOST_LINKS
    if len(runs) * TAIL + sum(run[-1] - run[0] for run in runs) < MOST_LINKS - TAIL:
        assert len(reached) == len(sequences)
