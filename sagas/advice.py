"""What to do about each code, safest first: one table, which pages, API, docs and tests read.

What changes nothing (looking, asking) comes before what sends or records something; accepting is always
last, as it mends nothing.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sagas.vocabulary import Code


class Action(StrEnum):
    """A kind of thing that can be done. The words of repairs are those of their intents."""

    LOOK = "look"
    RELATED = "related"
    CLOCKS = "clocks"
    PARTICIPANT = "participant"
    DEFINITION = "definition"
    ASK = "ask"
    COMPENSATE = "compensate"
    RETRY = "retry"
    RECORD = "record"
    ACCEPT = "accept"


class Said(NamedTuple):
    """How an action is put to people: its name, and what it changes."""

    title: str
    changes: str


SAID: dict[Action, Said] = {
    Action.LOOK: Said("Look at the evidence", "Shows the events that prove it. Changes nothing."),
    Action.RELATED: Said(
        "Look at the other saga", "Shows the sagas that share a business key. Changes nothing."
    ),
    Action.CLOCKS: Said("Look at the clocks", "Shows the events with the times that their senders gave."),
    Action.PARTICIPANT: Said(
        "Look at the participant", "Shows its address, keys and owner. Changes nothing."
    ),
    Action.DEFINITION: Said(
        "Look at the definition",
        "Shows what is expected. A new version changes no saga that names an older one.",
    ),
    Action.ASK: Said("Ask the participant", "Sends a status query. Changes nothing."),
    Action.COMPENSATE: Said("Compensate", "Undoes what is in effect, by requests that you see before."),
    Action.RETRY: Said("Retry", "Does again what has failed, by requests that you see before."),
    Action.RECORD: Said(
        "Record what was done elsewhere",
        "Sends nothing. The saga is judged by what you record, with your evidence.",
    ),
    Action.ACCEPT: Said(
        "Accept it as it is",
        "Sends nothing and mends nothing. It stays visible with your reason, and counts no longer until "
        "its evidence changes.",
    ),
}


class Advice(NamedTuple):
    """The safest next action, and why in a sentence; `others` follow it, safest first."""

    action: Action
    sentence: str
    others: tuple[Action, ...] = ()

    @property
    def ways(self) -> tuple[Action, ...]:
        return (self.action, *self.others, Action.ACCEPT)


_LOOK, _ASK, _RECORD = Action.LOOK, Action.ASK, Action.RECORD
_UNDO, _RETRY = Action.COMPENSATE, Action.RETRY

ADVICE: dict[Code, Advice] = {
    Code.STEP_OVERDUE: Advice(
        _ASK,
        "Ask the participant how far it is: it is still trying, and what you send on top may cross with "
        "that.",
        (_RETRY, _UNDO, _RECORD),
    ),
    Code.STEP_IN_DOUBT: Advice(
        _ASK,
        "Ask the participant what became of it: until somebody knows, undoing or repeating it may be wrong.",
        (_UNDO, _RETRY, _RECORD),
    ),
    Code.SAGA_STALLED: Advice(
        _LOOK,
        "See where it stopped, and whether what drives it runs: it may go on by itself once that does.",
        (_ASK, _RETRY, _UNDO, _RECORD),
    ),
    Code.COMPENSATION_OVERDUE: Advice(
        _ASK,
        "Ask the participant whether the effect is still there; if it is, send the compensation. Its key "
        "stays the same, so that it is not undone twice.",
        (_UNDO, _RETRY, _RECORD),
    ),
    Code.COMPENSATION_FAILED: Advice(
        _ASK,
        "Ask the participant whether the effect is still there, and read why it refused: trying again "
        "helps once that cause is gone.",
        (_RETRY, _UNDO, _RECORD),
    ),
    Code.SAGA_TIMED_OUT: Advice(
        _ASK,
        "Ask about every step without an answer; then undo what is in effect, or let it go on.",
        (_UNDO, _RETRY, _RECORD),
    ),
    Code.MISSING_COMPENSATION: Advice(
        _ASK,
        "Ask the participant whether the effect is still there; if it is, compensate the step.",
        (_UNDO, _RECORD),
    ),
    Code.LATE_FORWARD_AFTER_COMPENSATION: Advice(
        _ASK,
        "Ask the participant whether the effect is there again; if it is, compensate the step once more.",
        (_UNDO, _RECORD),
    ),
    Code.LATE_FORWARD_AFTER_ABORT: Advice(
        _ASK,
        "Ask the participant whether the effect is there; if it is, compensate the step: nobody else will.",
        (_UNDO, _RECORD),
    ),
    Code.CONFLICTING_OUTCOME: Advice(
        _ASK,
        "Ask the participant which of its two words holds, and record that one.",
        (_LOOK, _RECORD, _UNDO),
    ),
    Code.DUPLICATE_COMPLETION: Advice(
        _LOOK,
        "Compare what both events carry: one effect told twice needs nothing, of two effects one has to be "
        "undone.",
        (_ASK, _UNDO, _RECORD),
    ),
    Code.DOUBLE_COMPENSATION: Advice(
        _LOOK,
        "Compare what both events carry: if it went back twice, settle that with the participant and "
        "record how.",
        (_ASK, _RECORD),
    ),
    Code.COMPENSATION_AFTER_COMMIT: Advice(
        _LOOK,
        "See who undid a step of a saga that had completed. If that is lawful here, the definition can say "
        "so.",
        (Action.DEFINITION, _ASK, _RETRY, _RECORD),
    ),
    Code.COMMIT_AFTER_ABORT: Advice(
        _ASK,
        "Ask the participants what is in effect: the saga went back and said that it completed; only one "
        "can hold.",
        (_LOOK, _UNDO, _RECORD),
    ),
    Code.ROLLBACK_PAST_PIVOT: Advice(
        _ASK,
        "Ask whether the pivot took effect: it cannot be undone by itself, so what went back may have to "
        "go forward again.",
        (_LOOK, _RETRY, _RECORD),
    ),
    Code.MISSING_STEP: Advice(
        _ASK,
        "Ask the participant whether the step was done and only never told; if it was not, do it now.",
        (_RETRY, Action.DEFINITION, _RECORD),
    ),
    Code.TERMINAL_WITHOUT_RESOLUTION: Advice(
        _ASK,
        "Ask the participant what became of the step: the saga has ended, so nobody else will.",
        (_UNDO, _RECORD),
    ),
    Code.ZOMBIE_ACTIVITY: Advice(
        _LOOK,
        "See who still works on a saga that has ended, and stop it there; then undo what it left behind.",
        (_ASK, _UNDO, _RECORD),
    ),
    Code.OUTCOME_MISMATCH: Advice(
        _LOOK,
        "Compare what the engine says with what the steps show, and ask about the steps that differ.",
        (_ASK, _UNDO, _RECORD),
    ),
    Code.RULE_BROKEN: Advice(
        _LOOK,
        "See which facts break the rule: what puts it right is the business of whoever wrote the rule.",
        (Action.DEFINITION, _ASK, _UNDO, _RETRY, _RECORD),
    ),
    Code.RULE_UNDECIDED: Advice(
        _ASK,
        "Ask about the step whose outcome nobody knows: the rule decides itself then.",
        (Action.DEFINITION, _RECORD),
    ),
    Code.ATTEMPT_STORM: Advice(
        _LOOK,
        "Read the error that repeats, and stop whoever retries at its source: each try may take effect.",
        (_ASK, _UNDO, _RECORD),
    ),
    Code.OVERLAPPING_SAGAS: Advice(
        Action.RELATED,
        "Look at the other saga first, and let one of the two end before the other is put right.",
        (Action.DEFINITION, _ASK, _UNDO, _RECORD),
    ),
    Code.SAGA_ID_REUSED: Advice(
        _LOOK,
        "See which events belong to which run: two are shown as one here, so send nothing before they are "
        "told apart.",
        (Action.RELATED,),
    ),
    Code.SOURCE_SILENT: Advice(
        Action.PARTICIPANT,
        "See whether the participant runs and can reach Amends: what waits for it goes on once it speaks "
        "again.",
        (_ASK,),
    ),
    Code.CLOCK_SKEW: Advice(
        Action.CLOCKS,
        "Compare the clocks of the senders with a time server; what their sequence numbers order is not "
        "touched by them.",
        (Action.PARTICIPANT,),
    ),
    Code.SEQUENCE_GAP: Advice(
        Action.PARTICIPANT,
        "See whether the sender lost events, and have it send them again: sending twice does no harm.",
        (_LOOK,),
    ),
    Code.UNKNOWN_STEP: Advice(
        Action.DEFINITION,
        "Describe the step in a new version of the definition, or mend its name where it is sent.",
        (_LOOK,),
    ),
}


def ways(codes: Sequence[Code]) -> list[Action]:
    """What can be done about a saga with these codes, the worst first: its order, and what the others add."""
    found = list(dict.fromkeys(way for code in codes for way in ADVICE[code].ways if way != Action.ACCEPT))
    return [*found, Action.ACCEPT] if codes else []
