"""What cannot be right, in a sentence: one table, a function a code. Told from the finding's own detail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sagas.durations import exactly
from sagas.story.parts import Part, because, strong, text, time_of
from sagas.story.trouble import Found, Scene, Sentences
from sagas.vocabulary import Code


def _at(found: Found, name: str, scene: Scene) -> Part:
    """The time that the finding has under this name."""
    told = found.detail.get(name)
    return time_of(datetime.fromisoformat(told), scene.now) if told else text("an unknown time")


def _who(detail: Mapping[str, Any], fallback: str) -> Part:
    return strong(detail["participant"]) if detail.get("participant") else text(fallback)


def _conflicting_outcome(found: Found, scene: Scene) -> list[Part]:
    return [
        scene.title(found.step),
        text(" was reported as completed at "),
        _at(found, "completed", scene),
        text(" and as failed at "),
        _at(found, "failed", scene),
        text(f"{because(found.detail.get('error', ''))}: one of the two is not so."),
    ]


def _duplicate_completion(found: Found, scene: Scene) -> list[Part]:
    return [
        scene.title(found.step),
        text(" completed more often than it was asked to: first at "),
        _at(found, "first", scene),
        text(", last at "),
        _at(found, "last", scene),
        text(". Its effect may be there twice."),
    ]


def _double_compensation(found: Found, scene: Scene) -> list[Part]:
    return [
        scene.title(found.step),
        text(" was undone more often than it was done: first at "),
        _at(found, "first", scene),
        text(", last at "),
        _at(found, "last", scene),
        text(". What undoes it may have taken effect twice."),
    ]


def _late_forward_after_compensation(found: Found, scene: Scene) -> list[Part]:
    return [
        scene.title(found.step),
        text(" was undone at "),
        _at(found, "undone", scene),
        text(" and completed afterwards, at "),
        _at(found, "completed", scene),
        text(": a call that came late. Its effect is there, and nobody is going to undo it."),
    ]


def _late_forward_after_abort(found: Found, scene: Scene) -> list[Part]:
    return [
        scene.title(found.step),
        text(" completed at "),
        _at(found, "completed", scene),
        text(", after the saga had begun to go back at "),
        _at(found, "back", scene),
        text("; it has not been undone."),
    ]


def _missing_compensation(found: Found, scene: Scene) -> list[Part]:
    return [
        scene.title(found.step),
        text(" is still in effect: the saga ended at "),
        _at(found, "ended", scene),
        text(", and nobody ever undid it."),
    ]


def _compensation_after_commit(found: Found, scene: Scene) -> list[Part]:
    return [
        scene.title(found.step),
        text(" was undone at "),
        _at(found, "undone", scene),
        text(" although the saga had completed at "),
        _at(found, "ended", scene),
        text("."),
    ]


def _commit_after_abort(found: Found, scene: Scene) -> list[Part]:
    return [
        text("The saga began to go back at "),
        _at(found, "back", scene),
        text(", and yet was reported as completed at "),
        _at(found, "ended", scene),
        text("."),
    ]


def _rollback_past_pivot(found: Found, scene: Scene) -> list[Part]:
    return [
        scene.title(found.step),
        text(" is the point of no return and completed at "),
        _at(found, "completed", scene),
        text("; the saga went back all the same, at "),
        _at(found, "back", scene),
        text("."),
    ]


def _missing_step(found: Found, scene: Scene) -> list[Part]:
    return [
        text("The saga was reported as completed at "),
        _at(found, "ended", scene),
        text(", but "),
        scene.title(found.step),
        text(" was neither done nor skipped."),
    ]


def _terminal_without_resolution(found: Found, scene: Scene) -> list[Part]:
    return [
        text("The saga ended at "),
        _at(found, "ended", scene),
        text(" while "),
        scene.title(found.step),
        text(" was on its way: nobody knows whether it was done."),
    ]


def _zombie_activity(found: Found, scene: Scene) -> list[Part]:
    return [
        scene.title(found.step),
        text(f" {found.detail.get('word', 'went on')} at "),
        _at(found, "acted", scene),
        text(", after the saga had ended at "),
        _at(found, "ended", scene),
        text("."),
    ]


MISMATCHES = {
    "both": "reported two ends that exclude each other",
    "undone": "reported that the saga completed, but the steps show that it was undone",
    "complete": "gave the saga up, but the steps show that all of it was done",
}


def _outcome_mismatch(found: Found, scene: Scene) -> list[Part]:
    said = MISMATCHES.get(found.detail.get("reason", ""), "said something else than the steps show")
    return [text(f"The engine {said}; its last word came at "), _at(found, "ended", scene), text(".")]


def _saga_id_reused(found: Found, scene: Scene) -> list[Part]:
    one, other = found.detail.get("values", ["one thing", "another"])
    key = found.detail.get("key", "what it is about")
    return [
        text(f"Two transactions share this id: it was started for {key} "),
        strong(one),
        text(" and for "),
        strong(other),
        text(". What is shown here is a mixture of both."),
    ]


def _clock_skew(found: Found, scene: Scene) -> list[Part]:
    apart = exactly(found.detail.get("apart", 0))
    return [
        scene.title(found.step),
        text(f" was answered {apart} before it was asked, by the clocks of the two that say so."),
    ]


def _sequence_gap(found: Found, scene: Scene) -> list[Part]:
    missing = found.detail.get("missing", 1)
    return [
        text(f"{missing:,} event{'s' if missing != 1 else ''} of "),
        strong(found.detail.get("source", "a source")),
        text(f" {'have' if missing != 1 else 'has'} not arrived, by the numbers of the others."),
    ]


def _unknown_step(found: Found, scene: Scene) -> list[Part]:
    return [
        text("Events speak of "),
        scene.title(found.step),
        text(f", which version {found.detail.get('version', '')} of the definition does not name."),
    ]


SENTENCES: Sentences = {
    Code.CONFLICTING_OUTCOME: _conflicting_outcome,
    Code.DUPLICATE_COMPLETION: _duplicate_completion,
    Code.DOUBLE_COMPENSATION: _double_compensation,
    Code.LATE_FORWARD_AFTER_COMPENSATION: _late_forward_after_compensation,
    Code.LATE_FORWARD_AFTER_ABORT: _late_forward_after_abort,
    Code.MISSING_COMPENSATION: _missing_compensation,
    Code.COMPENSATION_AFTER_COMMIT: _compensation_after_commit,
    Code.COMMIT_AFTER_ABORT: _commit_after_abort,
    Code.ROLLBACK_PAST_PIVOT: _rollback_past_pivot,
    Code.MISSING_STEP: _missing_step,
    Code.TERMINAL_WITHOUT_RESOLUTION: _terminal_without_resolution,
    Code.ZOMBIE_ACTIVITY: _zombie_activity,
    Code.OUTCOME_MISMATCH: _outcome_mismatch,
    Code.SAGA_ID_REUSED: _saga_id_reused,
    Code.CLOCK_SKEW: _clock_skew,
    Code.SEQUENCE_GAP: _sequence_gap,
    Code.UNKNOWN_STEP: _unknown_step,
}
