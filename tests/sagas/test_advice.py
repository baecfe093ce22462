"""What to do about each code: told for all of them, safest first, accepting last."""

import pytest

from compensation.models import Repair
from sagas import advice
from sagas.advice import ADVICE, SAID, Action
from sagas.vocabulary import FAULTS, Code, Severity

# What changes nothing; what changes something; what mends nothing.
CAREFUL = [
    {Action.LOOK, Action.RELATED, Action.CLOCKS, Action.PARTICIPANT, Action.DEFINITION, Action.ASK},
    {Action.COMPENSATE, Action.RETRY, Action.RECORD},
    {Action.ACCEPT},
]


@pytest.mark.parametrize("code", Code)
def test_each_code_has_its_advice(code: Code) -> None:
    action, sentence, others = ADVICE[code]
    assert sentence[0].isupper() and sentence.endswith(".") and 40 < len(sentence) < 160
    assert action not in others
    assert len(set(others)) == len(others)
    assert Action.ACCEPT not in (action, *others)


@pytest.mark.parametrize("code", Code)
def test_what_is_offered_first_changes_nothing_and_accepting_is_last(code: Code) -> None:
    ways = ADVICE[code].ways
    assert ways[0] in CAREFUL[0]
    assert ways[-1] == Action.ACCEPT
    sends = {Action.COMPENSATE, Action.RETRY}
    if sends & set(ways) and Action.ASK in ways:
        assert ways.index(Action.ASK) < min(ways.index(way) for way in sends & set(ways))


def test_nothing_is_sent_for_what_is_only_about_the_data() -> None:
    for code, fault in FAULTS.items():
        if fault.severity == Severity.NOTE:
            assert not {Action.ASK, Action.COMPENSATE, Action.RETRY} & set(ADVICE[code].ways), code


def test_each_action_says_what_it_changes() -> None:
    assert set(SAID) == set(Action)
    assert all(said.title and said.changes.endswith(".") for said in SAID.values())


def test_the_words_of_repairs_are_those_of_their_intents() -> None:
    assert {intent.value for intent in Repair.Intent} < {action.value for action in Action}


def test_several_findings_are_met_by_the_worst_one_s_order() -> None:
    ways = advice.ways([Code.COMPENSATION_FAILED, Code.STEP_IN_DOUBT, Code.SAGA_STALLED])
    assert ways == ["ask", "retry", "compensate", "record", "look", "accept"]
    assert advice.ways([]) == []
