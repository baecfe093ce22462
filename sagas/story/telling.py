"""The story: what is wrong with a saga, or how it stands, and what happened meanwhile."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sagas.definitions import Definition
from sagas.fold import State
from sagas.story import contradictions, progress, rules, trouble
from sagas.story.parts import Sentence, strong, text
from sagas.story.trouble import Found, Scene, Sentences
from sagas.vocabulary import FAULTS, Code, Condition, Severity, Status, StepState

# Every code, once.
SENTENCES: Sentences = trouble.SENTENCES | contradictions.SENTENCES | rules.SENTENCES

# Findings that are told in full; the others are counted.
MOST_TROUBLE = 2


def tell(
    state: State, findings: Iterable[Found], definition: Definition | None, now: datetime
) -> list[Sentence]:
    """`findings` are the open ones, stored or just judged.

    Without any that need people, how the saga stands or ended, and what there is to note about its data.
    """
    scene = Scene(state, definition, now)
    given = list(findings)
    worst = _once(sorted((found for found in given if not _is_note(found)), key=_harm, reverse=True))
    if not worst:
        notes = [_sentence(found, scene) for found in given]
        return [*progress.tell(scene), *notes[:1]]
    told = [_sentence(found, scene) for found in worst[:MOST_TROUBLE]]
    if len(worst) > MOST_TROUBLE:
        rest = len(worst) - MOST_TROUBLE
        told.append((text(f"{rest} more {'thing is' if rest == 1 else 'things are'} wrong with it."),))
        return told
    aside = _meanwhile(scene, worst) or _left(scene, worst)
    return [*told, aside] if aside else told


def _sentence(found: Found, scene: Scene) -> Sentence:
    return tuple(SENTENCES[Code(found.code)](found, scene))


def _is_note(found: Found) -> bool:
    return FAULTS[Code(found.code)].severity == Severity.NOTE


def _harm(found: Found) -> tuple[int, bool, bool]:
    """The worst condition first; of equals, what has begun, and what speaks of a step, before the rest."""
    condition: Condition = FAULTS[Code(found.code)].condition
    return condition.rank, not _is_unbegun(found), bool(found.step)


def _is_unbegun(found: Found) -> bool:
    return found.code == Code.COMPENSATION_OVERDUE and not found.detail["begun"]


def _once(findings: Sequence[Found]) -> list[Found]:
    """Of several steps that wait to be undone the first is enough: the others are told as still in effect."""
    unbegun = [found for found in findings if _is_unbegun(found)]
    return [found for found in findings if found not in unbegun[1:]]


def _meanwhile(scene: Scene, findings: Sequence[Found]) -> Sentence:
    """What was undone last, elsewhere, while this hangs."""
    silent = {found.step for found in findings}
    undone = [
        (run.undone, step)
        for step in scene.state.steps
        for run in step.runs
        if run.undone and run.state == StepState.COMPENSATED and step.name not in silent
    ]
    if not undone:
        return ()
    moment, step = max(undone, key=lambda one: (one[0].stamp.time, one[1].name))
    who = [strong(step.participant), text(" completed ")] if step.participant else []
    done = "" if who else " was completed"
    said = [text("Meanwhile "), *who, scene.undo(step.name), text(f"{done} at "), scene.clock(moment)]
    others = len({one[1].name for one in undone}) - 1
    more = f", after {others} other {'step was' if others == 1 else 'steps were'} undone" if others else ""
    return (*said, text(f"{more}."))


def _left(scene: Scene, findings: Sequence[Found]) -> Sentence:
    """What is still in effect of a saga that goes back or was given up."""
    state = scene.state
    if not state.went_back and state.status != Status.FAILED:
        return ()
    told = {found.step for found in findings}
    return progress.still_in_effect(scene, [name for name in state.open_effects if name not in told])
