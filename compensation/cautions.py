"""What stands against a plan to compensate, and what should give pause before it is started (pure)."""

from collections.abc import Iterable
from itertools import dropwhile

from compensation.judgement import BUSY, is_passed_over
from compensation.plan import LeftAlone, Refusal
from compensation.subject import Subject
from sagas.events import OURSELVES
from sagas.fold import Step
from sagas.vocabulary import Status, StepKind, StepState


def beside_others(left_alone: Iterable[LeftAlone]) -> Refusal | None:
    """A whole saga is not undone around a step that somebody is at work on."""
    busy = [left for left in left_alone if left.code in BUSY]
    if not busy:
        return None
    named = "; ".join(f"“{left.title}”: {left.why}" for left in busy)
    return Refusal(
        "busy", busy[0].step, f"Not everything stands still. {named} Wait for its deadline, or ask."
    )


def past_the_pivot(subject: Subject, steps: Iterable[Step]) -> tuple[list[Refusal], list[str]]:
    """Undoing a whole saga across its point of no return: refused unless that, too, can be undone."""
    refusals, warnings = [], []
    for pivot in steps:
        if pivot.kind != StepKind.PIVOT or not (_has_effect(pivot) or _is_untold(subject, pivot)):
            continue
        can_be_undone = pivot.definition is not None and pivot.definition.compensation is not None
        is_known = any(run.has_effect for run in pivot.runs)
        happened = "has completed" if is_known else "may have completed"
        if can_be_undone:
            warnings.append(
                f"“{pivot.title}” is the point of no return and {happened}; this goes back across it."
            )
        elif is_known:
            why = f"“{pivot.title}” has completed: it is the point of no return and cannot be undone."
            refusals.append(Refusal("past_pivot", pivot.name, why))
        else:
            why = f"Nobody knows whether “{pivot.title}”, the point of no return, was passed. Ask first."
            refusals.append(Refusal("pivot_unknown", pivot.name, why))
    return refusals, warnings


def left_standing(steps: list[Step], only: str) -> list[str]:
    """Undoing one step alone: what rests on it and stays. `steps` in forward order."""
    after = dropwhile(lambda step: step.name != only, steps)
    standing = [
        step for step in after if step.name != only and _has_effect(step) and step.kind != StepKind.READONLY
    ]
    if not standing:
        return []
    titles = ", ".join(f"“{step.title}”" for step in standing)
    passed = next((step for step in standing if step.kind == StepKind.PIVOT), None)
    warnings = [f"What came after it stays as it is: {titles}."]
    if passed:
        warnings.append(f"“{passed.title}” is the point of no return: the saga stays done without this step.")
    return warnings


def not_undone(left_alone: Iterable[LeftAlone]) -> list[str]:
    """Effects that stay because nobody has said how they are undone."""
    titles = [f"“{left.title}”" for left in left_alone if left.code == "no_compensation"]
    return [f"Cannot be undone and stays: {', '.join(titles)}."] if titles else []


def of_the_saga(subject: Subject) -> list[str]:
    """Where the saga as a whole stands in a way that should give pause."""
    state = subject.state
    if state.status == Status.COMPLETED:
        return ["The saga has completed: this undoes finished business."]
    if state.status == Status.COMPENSATING and state.went_back and state.went_back.source != OURSELVES:
        return [
            "The saga is being undone already, and whoever drives that may go on. "
            "An effect is undone only once where its participant knows that it was."
        ]
    if state.status == Status.RUNNING and not state.unknown_effects:
        return ["The saga is still running: whoever drives it may go on while it is undone."]
    return []


def _is_untold(subject: Subject, step: Step) -> bool:
    return not step.runs and is_passed_over(subject, step)


def _has_effect(step: Step) -> bool:
    """Whether it has, or may have, an effect."""
    return any(
        run.has_effect or run.is_unknown or run.state in {StepState.TIMED_OUT, StepState.RUNNING}
        for run in step.runs
    )
