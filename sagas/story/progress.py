"""How a saga without trouble stands or ended: one table, a function a status."""

from collections.abc import Callable, Sequence

from sagas.durations import exactly
from sagas.fold import Run, State, Step
from sagas.story.parts import Part, Sentence, because, listed, strong, text
from sagas.story.titles import step_title
from sagas.story.trouble import Scene, asked
from sagas.vocabulary import Status, StepState


def tell(scene: Scene) -> list[Sentence]:
    return [sentence for sentence in SENTENCES[scene.state.status](scene) if sentence]


def still_in_effect(scene: Scene, names: Sequence[str]) -> Sentence:
    if not names:
        return ()
    return (
        text("Still in effect: "),
        *listed([step_title(name, scene.definition) for name in names]),
        text("."),
    )


def _running(scene: Scene) -> list[Sentence]:
    moving = [(step, step.run) for step in scene.state.steps if step.run and step.state == StepState.RUNNING]
    if moving:
        step, run = moving[-1]
        said = [*asked(step, run, scene)]
        allowed = (run.deadline - run.asked.stamp.time) / 1_000_000 if run.deadline and run.asked else 0
        rest = f" and has {exactly(allowed)} to answer." if allowed > 0 else "."
        return [(*said, text(rest))]
    said = [text("The saga started at "), scene.clock(scene.state.started), text(".")]
    last = max(_done(scene.state), key=_when_done, default=None)
    if last:
        said = [scene.title(last[0].name), text(" completed at "), scene.clock(last[1].completed), text(".")]
    if scene.state.waiting_on:
        said += [text(" Next comes "), scene.title(scene.state.waiting_on), text(".")]
    return [tuple(said)]


def _completed(scene: Scene) -> list[Sentence]:
    return [(text("Completed"), *_end(scene), text("."))]


def _end(scene: Scene) -> list[Part]:
    """at 10:02:07 UTC, 12 s after its start"""
    state = scene.state
    last = max(_done(state), key=_when_done, default=None)
    ended = state.ended or (last[1].completed if last else None)
    if ended is None:
        return []
    said = [text(" at "), scene.clock(ended)]
    took = (ended.stamp.time - state.started.stamp.time) / 1_000_000 if state.started else 0
    return [*said, text(f", {exactly(took)} after its start")] if took > 0 else said


def _cause(scene: Scene) -> Sentence:
    """What made it go back, as far as a failed step tells."""
    failed = [(run.failed, step, run) for step in scene.state.steps for run in step.runs if run.failed]
    if not failed:
        return ()
    moment, step, run = max(failed, key=lambda one: (one[0].stamp.time, one[1].name))
    return (
        scene.title(step.name),
        text(" failed at "),
        scene.clock(moment),
        text(f"{because(run.error)}."),
    )


def _compensating(scene: Scene) -> list[Sentence]:
    undoing = [step for step in scene.state.steps if step.state == StepState.COMPENSATING]
    step = undoing[-1] if undoing else None
    if step and step.run:
        who = [strong(step.participant), text(" began ")] if step.participant else []
        begun = " at " if who else " began at "
        said: Sentence = (
            *who,
            scene.undo(step.name),
            text(begun),
            scene.clock(step.run.undo_started),
            text("."),
        )
    else:
        said = (text("The saga has been going back since "), scene.clock(scene.state.went_back), text("."))
    undoing_names = {step.name for step in undoing}
    left = [name for name in scene.state.open_effects if name not in undoing_names]
    return [_cause(scene), said, still_in_effect(scene, left)]


def _compensated(scene: Scene) -> list[Sentence]:
    undone = [run.undone for step in scene.state.steps for run in step.runs if run.undone]
    if not undone and not scene.state.went_back:
        return [_cause(scene), (text("There was nothing to undo."),)]
    last = max(undone, key=lambda moment: moment.stamp.time, default=scene.state.ended)
    return [_cause(scene), (text("Everything was undone by "), scene.clock(last), text("."))]


def _gave_up(scene: Scene) -> list[Sentence]:
    said = (text("The saga was given up at "), scene.clock(scene.state.ended), text("."))
    return [_cause(scene), said, still_in_effect(scene, scene.state.open_effects)]


def _suspended(scene: Scene) -> list[Sentence]:
    said = (text("The saga was suspended at "), scene.clock(scene.state.suspended), text("."))
    return [said, still_in_effect(scene, scene.state.open_effects)]


SENTENCES: dict[Status, Callable[[Scene], list[Sentence]]] = {
    Status.RUNNING: _running,
    Status.COMPENSATING: _compensating,
    Status.COMPLETED: _completed,
    Status.COMPENSATED: _compensated,
    Status.FAILED: _gave_up,
    Status.SUSPENDED: _suspended,
}


def _done(state: State) -> list[tuple[Step, Run]]:
    return [(step, run) for step in state.steps for run in step.runs if run.completed]


def _when_done(one: tuple[Step, Run]) -> tuple[int, str]:
    completed = one[1].completed
    return (completed.stamp.time if completed else 0), one[0].name
