"""A problem in a few words, and in one line: what lists, subjects of mails and the API show."""

from collections.abc import Callable, Mapping
from typing import Any

from sagas.definitions import Definition
from sagas.durations import exactly, roughly
from sagas.story import rules, silence
from sagas.story.parts import because
from sagas.vocabulary import FAULTS, Code

# How a stalled saga is named, by why it is one: with the step that is missed, and without.
STALLED = {
    "not_started": "{step} never started",
    "failed": "{step} failed and nothing followed",
    "no_end": "the saga stopped without an end",
    "nothing": "nothing followed the start",
    "suspended": "suspended and not resumed",
    "late": "the saga did not end in time",
    "halfway_back": "the saga stopped halfway back",
}


def title(code: Code, step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    """ "ship parcel never answered"."""
    if code == Code.SOURCE_SILENT:
        return silence.title(detail)
    name = step_title(step, definition)
    if is_learned(detail):
        undone = code == Code.COMPENSATION_OVERDUE
        return f"{undo_title(step, definition) if undone else name} takes longer than usual"
    if code == Code.SAGA_STALLED:
        return STALLED[detail["reason"]].format(step=name)
    if code in rules.TITLES:
        return rules.title(code, detail)
    return f"{name} {FAULTS[code].title}" if step else FAULTS[code].title


def explanation(code: Code, step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    """One line, no full stop: "shipping was asked, then nothing for more than 30 s"."""
    told = EXPLANATIONS[code]
    return told if isinstance(told, str) else told(step, detail, definition)


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


def is_learned(detail: Mapping[str, Any]) -> bool:
    """Whether nobody declared a deadline and it is only longer than usual (sagas.detection.learned)."""
    return bool(detail.get("reason") == "learned")


def usually(detail: Mapping[str, Any]) -> str:
    """ "99 of 100 take 1.1 s or less"."""
    return f"99 of 100 take {roughly(detail['normal']['p99'])} or less"


def _step_overdue(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    if is_learned(detail):
        return f"no answer for more than {_within(detail)}; {usually(detail)}"
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
        "late": "its deadline as a whole has passed",
        "halfway_back": f"{silent} after it went back",
    }[detail["reason"]]


def _compensation_overdue(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    undoing, within = undo_title(step, definition), _within(detail)
    if is_learned(detail):
        return f"not confirmed for more than {within}; {usually(detail)}"
    if detail["begun"]:
        return f"{undoing} was begun and not confirmed within {within}{because(detail['error'])}"
    return f"{undoing} was not begun within {within}"


def _compensation_failed(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    who = _who(detail, "the participant")
    return f"{who} gave up on {undo_title(step, definition)}{because(detail['error'])}"


def _attempt_storm(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    done = f" at {undo_title(step, definition)}" if detail["undoing"] else ""
    return f"more than {detail['most']:,} attempts{done}{because(detail['error'])}"


def _zombie_activity(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    return f"{_who(detail, 'it')} {detail['word']} it when the saga was over"


def _outcome_mismatch(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    return {
        "both": "the engine reported two ends that exclude each other",
        "undone": "the engine says completed, the steps show that it was undone",
        "complete": "the engine says failed, the steps show that all was done",
    }[detail["reason"]]


def _saga_id_reused(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    return f"two starts of one saga name different values of {detail['key']}"


def _unknown_step(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    return f"version {detail['version']} of the definition does not name it"


def _source_silent(step: str, detail: Mapping[str, Any], definition: Definition | None) -> str:
    return silence.explanation(detail)


# A sentence where nothing of the finding itself belongs into it.
EXPLANATIONS: dict[Code, str | Callable[[str, Mapping[str, Any], Definition | None], str]] = {
    Code.SAGA_TIMED_OUT: "the orchestrator gave it up and reported no end",
    Code.MISSING_COMPENSATION: "the saga ended, and its effect is still there",
    Code.LATE_FORWARD_AFTER_COMPENSATION: "a late call took effect after the compensation",
    Code.LATE_FORWARD_AFTER_ABORT: "its effect came when the saga was going back, and was not undone",
    Code.CONFLICTING_OUTCOME: "one attempt was reported both ways",
    Code.DUPLICATE_COMPLETION: "its effect may be there twice",
    Code.DOUBLE_COMPENSATION: "what undoes it may have taken effect twice",
    Code.COMPENSATION_AFTER_COMMIT: "the saga had been reported as completed",
    Code.COMMIT_AFTER_ABORT: "the engine reported success after compensating had begun",
    Code.ROLLBACK_PAST_PIVOT: "the saga went back after its point of no return",
    Code.MISSING_STEP: "the saga is reported as completed, and this step was neither done nor skipped",
    Code.TERMINAL_WITHOUT_RESOLUTION: "the saga ended while it was on its way: it may have been done or not",
    Code.ATTEMPT_STORM: _attempt_storm,
    Code.ZOMBIE_ACTIVITY: _zombie_activity,
    Code.OUTCOME_MISMATCH: _outcome_mismatch,
    Code.SAGA_ID_REUSED: _saga_id_reused,
    Code.CLOCK_SKEW: "by its clocks it was answered before it was asked",
    Code.SEQUENCE_GAP: "a source numbers its events, and some numbers have not come",
    Code.UNKNOWN_STEP: _unknown_step,
    Code.SOURCE_SILENT: _source_silent,
    Code.STEP_OVERDUE: _step_overdue,
    Code.STEP_IN_DOUBT: _step_in_doubt,
    Code.SAGA_STALLED: _saga_stalled,
    Code.COMPENSATION_OVERDUE: _compensation_overdue,
    Code.COMPENSATION_FAILED: _compensation_failed,
    **rules.EXPLANATIONS,
}
