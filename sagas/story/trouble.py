"""What is late, in a sentence: one table, a function a code; and what all sentences are told from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sagas import facts
from sagas.definitions import Definition
from sagas.durations import exactly
from sagas.facts import Moment
from sagas.fold import Run, State, Step
from sagas.story import silence
from sagas.story.parts import Part, ago, because, clock, listed, strong, text
from sagas.story.titles import is_learned, step_title, undo_title, usually
from sagas.vocabulary import Code, StepState


class Found(Protocol):
    """A finding as it is stored, or a verdict as it was just given."""

    @property
    def code(self) -> Any: ...
    @property
    def step(self) -> str: ...
    @property
    def detail(self) -> Mapping[str, Any]: ...


Sentences = dict[Code, Callable[["Found", "Scene"], list[Part]]]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a sentence is told from."""

    state: State
    definition: Definition | None
    now: datetime

    def clock(self, moment: Moment | None) -> Part:
        return clock(moment, self.now)

    def title(self, name: str) -> Part:
        return strong(step_title(name, self.definition))

    def undo(self, name: str) -> Part:
        return strong(undo_title(name, self.definition))

    def run(self, found: Found) -> tuple[Step, Run] | None:
        """The step and its execution that the finding speaks of; None where the facts have moved on."""
        step = self.state.step(found.step)
        return (step, step.run) if step and step.run else None


def asked(step: Step, run: Run, scene: Scene) -> list[Part]:
    """**shipping** was asked to **ship parcel** at 10:02:07 UTC."""
    if step.participant and step.definition:
        begun = [strong(step.participant), text(" was asked to "), scene.title(step.name)]
    elif step.participant:
        begun = [strong(step.participant), text(" started "), scene.title(step.name)]
    else:
        begun = [scene.title(step.name), text(" was started")]
    return [*begun, text(" at "), scene.clock(run.asked)]


def deadline(scene: Scene, begun: Moment | None, until: int | None) -> list[Part]:
    """its 30 s deadline passed 15 min ago"""
    if until is None:
        return [text("its deadline has passed")]
    allowed = (until - begun.stamp.time) / 1_000_000 if begun else 0
    its = f"its {exactly(allowed)} deadline" if allowed > 0 else "its deadline"
    return [text(f"{its} passed "), ago(facts.moment(until), scene.now)]


def _step_overdue(found: Found, scene: Scene) -> list[Part]:
    if not (known := scene.run(found)):
        return _moved_on(found, scene, " is overdue.")
    step, run = known
    if is_learned(found.detail):
        return [*asked(step, run, scene), text(f" and has not answered; {usually(found.detail)}.")]
    tries = f" and keeps failing: {run.attempts} attempts, the last at " if run.attempts > 1 else None
    return [
        *asked(step, run, scene),
        text(tries or "; the attempt failed at "),
        scene.clock(run.retried),
        text(f"{because(run.error)}; "),
        *deadline(scene, run.asked, run.deadline),
        text("."),
    ]


def _step_in_doubt(found: Found, scene: Scene) -> list[Part]:
    if not (known := scene.run(found)):
        return _moved_on(found, scene, " never answered.")
    step, run = known
    if run.timed_out and run.state == StepState.TIMED_OUT:
        said = [
            text(", and at "),
            scene.clock(run.timed_out),
            text(" the call was given up: nobody knows whether it was done."),
        ]
        return [*asked(step, run, scene), *said]
    return [
        *asked(step, run, scene),
        text(" and has not answered; "),
        *deadline(scene, run.asked, run.deadline),
        text("."),
    ]


def _saga_stalled(found: Found, scene: Scene) -> list[Part]:
    return STALLED[found.detail["reason"]](found, scene)


def _not_started(found: Found, scene: Scene) -> list[Part]:
    last = _last_done(scene.state)
    if last is None:
        since = [text("The saga started at "), scene.clock(scene.state.started), text(", but ")]
        return [*since, scene.title(found.step), text(" never began.")]
    step, run = last
    done = [scene.title(step.name), text(" completed at "), scene.clock(run.completed)]
    return [*done, text(", but "), scene.title(found.step), text(", which comes next, never began.")]


def _failed(found: Found, scene: Scene) -> list[Part]:
    if not (known := scene.run(found)):
        return _moved_on(found, scene, " failed, and nothing followed.")
    step, run = known
    rest = (
        "it was not tried again, and nothing was undone."
        if scene.state.open_effects
        else ("it was not tried again, and the saga did not end.")
    )
    return [
        scene.title(step.name),
        text(" failed at "),
        scene.clock(run.failed),
        text(f"{because(run.error)}. Nothing followed: {rest}"),
    ]


def _no_end(found: Found, scene: Scene) -> list[Part]:
    last = _last_done(scene.state)
    if last is None:
        return _nothing(found, scene)
    step, run = last
    done = [scene.title(step.name), text(" completed at "), scene.clock(run.completed)]
    return [*done, text("; since then nothing happened, and no end of the saga was reported.")]


def _nothing(found: Found, scene: Scene) -> list[Part]:
    if scene.state.started is None:
        return [text("Nothing but notes was heard of this saga.")]
    return [
        text("The saga started at "),
        scene.clock(scene.state.started),
        text("; nothing has happened since."),
    ]


def _suspended(found: Found, scene: Scene) -> list[Part]:
    begun = [text("The saga was suspended at "), scene.clock(scene.state.suspended)]
    return [*begun, text(" and has not been resumed.")]


def _saga_timed_out(found: Found, scene: Scene) -> list[Part]:
    said = [text("The orchestrator reported at "), scene.clock(scene.state.timed_out)]
    return [*said, text(" that the saga timed out, and has reported no end since.")]


def _late(found: Found, scene: Scene) -> list[Part]:
    waiting = scene.state.waiting_on
    rest = [text(", and still waits for "), scene.title(waiting), text(".")] if waiting else [text(".")]
    since = ago(facts.moment(scene.state.deadline), scene.now) if scene.state.deadline else text("already")
    return [text("The saga should have ended "), since, *rest]


def _halfway_back(found: Found, scene: Scene) -> list[Part]:
    begun = [text("The saga began to go back at "), scene.clock(scene.state.went_back)]
    left = [step_title(name, scene.definition) for name in scene.state.open_effects]
    if not left:
        return [*begun, text(" and has not come to an end.")]
    return [*begun, text(" and stopped; not undone: "), *listed(left), text(".")]


STALLED: dict[str, Callable[[Found, Scene], list[Part]]] = {
    "not_started": _not_started,
    "failed": _failed,
    "no_end": _no_end,
    "nothing": _nothing,
    "suspended": _suspended,
    "late": _late,
    "halfway_back": _halfway_back,
}


def _attempt_storm(found: Found, scene: Scene) -> list[Part]:
    if not (known := scene.run(found)):
        return _moved_on(found, scene, " was tried again and again.")
    _, run = known
    who = found.detail.get("participant") or "The participant"
    what = scene.undo(found.step) if found.detail["undoing"] else scene.title(found.step)
    tried = [strong(who), text(" has tried to "), what, text(f" {found.detail['attempts']:,} times")]
    newest = run.undo_retried if found.detail["undoing"] else run.retried
    last = [text(", the last time at "), scene.clock(newest)] if newest else []
    return [*tried, *last, text(f"{because(run.error)}. It may never succeed by itself.")]


def _compensation_overdue(found: Found, scene: Scene) -> list[Part]:
    if not (known := scene.run(found)):
        return _moved_on(found, scene, " was not undone in time.")
    step, run = known
    if run.undo_started:
        who = [strong(step.participant), text(" began ")] if step.participant else []
        verb = " at " if who else " began at "
        said = [*who, scene.undo(step.name), text(verb), scene.clock(run.undo_started)]
        said.append(text(f" and has not confirmed it{because(run.error)}; "))
        if is_learned(found.detail):
            return [*said, text(f"{usually(found.detail)}.")]
        return [*said, *deadline(scene, run.undo_started, run.undo_deadline), text(".")]
    back, ended = scene.state.went_back, scene.state.ended
    begun = [text("The saga went back at "), scene.clock(back)]
    if back is None:
        begun = [text("The saga was given up at "), scene.clock(ended)]
    return [*begun, text(", but what "), scene.title(step.name), text(" did has not been undone.")]


def _compensation_failed(found: Found, scene: Scene) -> list[Part]:
    if not (known := scene.run(found)):
        return _moved_on(found, scene, " could not be undone.")
    step, run = known
    who = strong(step.participant) if step.participant else text("The participant")
    left = "is still in effect" if run.has_effect else "may be in effect"
    return [
        who,
        text(" gave up on "),
        scene.undo(step.name),
        text(" at "),
        scene.clock(run.undo_failed),
        text(f"{because(run.error)}; what "),
        scene.title(step.name),
        text(f" did {left}."),
    ]


SENTENCES: Sentences = {
    Code.STEP_OVERDUE: _step_overdue,
    Code.STEP_IN_DOUBT: _step_in_doubt,
    Code.SAGA_STALLED: _saga_stalled,
    Code.SAGA_TIMED_OUT: _saga_timed_out,
    Code.COMPENSATION_OVERDUE: _compensation_overdue,
    Code.COMPENSATION_FAILED: _compensation_failed,
    Code.ATTEMPT_STORM: _attempt_storm,
    Code.SOURCE_SILENT: lambda found, scene: silence.sentence(found.detail, _waiting(found), scene.now),
}


def _waiting(found: Found) -> int:
    """How many sagas have this problem; 0 where it is a verdict, which has none yet."""
    return getattr(getattr(found, "problem", None), "open_count", 0)


def _moved_on(found: Found, scene: Scene, words: str) -> list[Part]:
    return [scene.title(found.step), text(words)]


def _last_done(state: State) -> tuple[Step, Run] | None:
    """The step that completed last, by the clocks of those who said so."""
    done = [(step, run) for step in state.steps for run in step.runs if run.completed]
    return max(done, key=lambda one: one[1].completed.stamp.time if one[1].completed else 0, default=None)
