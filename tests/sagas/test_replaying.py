"""When a saga that is replayed is judged, and what its samples are: pure, so as tables."""

import pytest

from sagas.detection.verdict import Verdict
from sagas.facts import SECOND
from sagas.trials import replaying, samples
from sagas.trials.comparing import take
from sagas.trials.recorded import Arrival, Recorded
from sagas.trials.results import Results
from sagas.vocabulary import Code
from tests.sagas.saying import DEFINITION, START, say


def recorded(words: str, gaps: list[float]) -> Recorded:
    """The events of a saga, each received so many seconds after the one before it."""
    arrivals, at = [], float(START)
    for event, gap in zip(say(words), gaps, strict=True):
        at += gap * SECOND
        arrivals.append(Arrival(int(at), event))
    return Recorded(1, "o-1", None, "running", arrivals, {})


def ever(saga: Recorded, after: float = 0) -> set[tuple[Code, str]]:
    last = max(arrival.at for arrival in saga.arrivals)
    return set(replaying.replay(saga, [], DEFINITION, last + int(after * SECOND)).ever)


WORDS = "saga.started check:S check:C charge:S charge:C ship:S ship:C thank:S thank:C"


def test_nothing_is_found_where_every_answer_was_in_time() -> None:
    assert ever(recorded(WORDS, [0, *[10] * 8])) == set()


def test_what_was_received_late_was_found_meanwhile() -> None:
    """charge was to answer within 10 s, and did so by its own clock; its word came after 60."""
    saga = recorded(WORDS, [0, 10, 10, 10, 60, 10, 10, 10, 10])
    assert (Code.STEP_IN_DOUBT, "charge") in ever(saga)


def test_events_of_one_batch_are_judged_together() -> None:
    saga = recorded(WORDS, [100, 0, 0, 0, 0, 0, 0, 0, 0])
    assert ever(saga) == set()


def test_the_order_in_which_they_are_read_does_not_matter() -> None:
    saga = recorded(WORDS, [0, 10, 10, 10, 60, 10, 10, 10, 10])
    turned = saga._replace(arrivals=list(reversed(saga.arrivals)))
    assert ever(turned) == ever(saga)


def test_the_longest_pauses_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "MOST_PAUSES", 2)
    saga = recorded(WORDS, [0, 5, 0.5, 30, 1, 2, 20, 3, 0])
    assert replaying._pauses(sorted(saga.arrivals, key=lambda arrival: arrival.at)) == [3, 6]


def test_a_saga_whose_clock_is_ahead_of_the_trial_is_judged_at_its_last_arrival() -> None:
    found = Results()
    take(found, recorded("saga.started charge:S", [0, 10]), [], DEFINITION, START)
    assert (found.events, found.takers) == (2, 1)
    assert not found.flags


def test_what_is_about_the_data_flags_no_saga(monkeypatch: pytest.MonkeyPatch) -> None:
    note = Verdict(Code.CLOCK_SKEW, "", 0, START, (), {})
    monkeypatch.setattr(replaying.judge, "prospects", lambda *what: [note])
    found = Results()
    take(found, recorded("saga.started", [0]), [], DEFINITION, START)
    assert found.of(Code.CLOCK_SKEW, "").new.count == 1
    assert (found.flagged.count, found.newly.count) == (0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t", []),
        ('{"a": 1}', [b'{"a": 1}']),
        ('{\n "a": 1\n}', [b'{\n "a": 1\n}']),
        ('[{"a": 1},\n{"b": 2}]', [b'[{"a": 1},\n{"b": 2}]']),
        ('{"a": 1}\n\n {"b": 2}\r\n', [b'{"a": 1}', b' {"b": 2}']),
        ('{"a": 1}\nnot json', [b'{"a": 1}', b"not json"]),
        ("not\njson", [b"not\njson"]),
    ],
)
def test_samples_are_one_document_or_one_a_line(text: str, expected: list[bytes]) -> None:
    assert samples.split(text) == expected
