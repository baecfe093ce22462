"""Every code has an example, and each example opens its code and no other."""

import pytest

from sagas.vocabulary import Code
from tests.sagas.examples import EXAMPLES, TOLD
from tests.sagas.saying import DEFINITION
from tests.sagas.test_judge import findings


def test_every_code_has_one() -> None:
    assert EXAMPLES.keys() | TOLD.keys() == set(Code)
    assert not EXAMPLES.keys() & TOLD.keys()


@pytest.mark.parametrize("code", EXAMPLES)
def test_it_opens_its_code_and_no_other(code: Code) -> None:
    example = EXAMPLES[code]
    found = findings(example.words, DEFINITION if example.is_described else None, after=example.after)
    assert {finding.partition(" ")[0] for finding in found} == {code.value}
