"""A problem in a few words, and in one line: what lists, subjects of mails and the API show."""

from collections.abc import Mapping
from typing import Any

from sagas.definitions import Definition
from sagas.durations import exactly
from sagas.story.parts import because
from sagas.vocabulary import FAULTS, Code

# How a stalled saga is named, by why it is one: with the step that is missed, and without.
STALLED = {
    "not_started": "{step} never started",
    "failed": "{step} failed and nothing followed",
    "no_end": "the saga stopped without an end",
    "nothing": "nothing followed the start",
    "suspended": "suspended and not resumed",
    "timed_out": "the saga timed out",
    "late": "the saga did not end in time",
    "halfway_back": "the saga stopped halfway back",
}


def title(code: Code, step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    """ "ship parcel never answered"."""
    name = step_title(step, definition)
    if code == Code.SAGA_STALLED:
        return STALLED[detail["reason"]].format(step=name)
    return f"{name} {FAULTS[code].title}"


def explanation(code: Code, step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    """One line, no full stop: "shipping was asked, then nothing for more than 30 s"."""
    return EXPLANATIONS[code](step, detail, definition)


def step_title(step: str, definition: Definition | None) -> str:
    described = definition.step(step) if definition else None
    return described.title if described else step


def undo_title(step: str, definition: Definition | None) -> str:
    """The title of its compensation; "undoing charge card" where none is described."""
    described = definition.step(step) if definition else None
    compensation = described.compensation if described else None
    return compensation.title if compensation else f"undoing {step_title(step, definition)}"


def _who(detail: Mapping[str, Any], fallback: str) -> str:
    return detail.get("participant") or fallback


def _within(detail: Mapping[str, Any]) -> str:
    return exactly(detail["allowed"]) if detail.get("allowed") else ""


def _step_overdue(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    return f"{_who(detail, 'it')} keeps failing{because(detail['error'])}"


def _step_in_doubt(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    who = _who(detail, "it")
    if detail.get("reason") == "timed_out":
        return (
            f"the call to {who} timed out: nobody knows whether it was done{because(detail['error'], ', ')}"
        )
    begun = f"{who} was asked" if who != "it" else "it was started"
    return f"{begun}, then nothing for more than {_within(detail)}"


def _saga_stalled(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    within = _within(detail)
    silent = f"nothing happened for more than {within}" if within else "nothing has happened since"
    return {
        "not_started": f"{silent} before it",
        "failed": f"{silent} after its failure: not tried again, nothing undone",
        "no_end": f"{silent} after its last step",
        "nothing": silent,
        "suspended": f"it was suspended and {silent}",
        "timed_out": "the orchestrator gave it up and reported no end",
        "late": "its deadline as a whole has passed",
        "halfway_back": f"{silent} after it went back",
    }[detail["reason"]]


def _compensation_overdue(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    undoing, within = undo_title(step, definition), _within(detail)
    if detail["begun"]:
        return f"{undoing} was begun and not confirmed within {within}{because(detail['error'])}"
    return f"{undoing} was not begun within {within}"


def _compensation_failed(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    who = _who(detail, "the participant")
    return f"{who} gave up on {undo_title(step, definition)}{because(detail['error'])}"


EXPLANATIONS = {
    Code.STEP_OVERDUE: _step_overdue,
    Code.STEP_IN_DOUBT: _step_in_doubt,
    Code.SAGA_STALLED: _saga_stalled,
    Code.COMPENSATION_OVERDUE: _compensation_overdue,
    Code.COMPENSATION_FAILED: _compensation_failed,
}
