"""A saga and an intent → the exact actions, in order, with what is left alone and why (pure).

Steps are undone in the reverse of their order, each once the one after it is undone. What cannot be done is
refused with the reason; what can be done but should give pause is warned of.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from compensation import cautions, drafting, judgement
from compensation.drafting import Words
from compensation.judgement import Redo, Undo
from compensation.plan import Action, Intent, LeftAlone, Plan, Refusal
from compensation.subject import Subject
from sagas.definitions import Definition
from sagas.fold import Run, Step
from sagas.vocabulary import StepState

UNDOING = {StepState.COMPENSATION_FAILED, StepState.COMPENSATING}

# The definition does not say what would be sent.
UNDESCRIBED = {"no_compensation", "no_retry", "no_status"}

# Why a plan for the whole saga is empty.
NOTHING = {
    Intent.COMPENSATE: "There is nothing left to undo.",
    Intent.RETRY: "Nothing has failed or is overdue.",
    Intent.ASK: "The outcome of every step is known.",
}


class Outcome(StrEnum):
    """What a person can record of a step."""

    COMPLETED = "completed"
    FAILED = "failed"
    COMPENSATED = "compensated"


@dataclass(slots=True)
class Draft:
    """A plan in the making."""

    subject: Subject
    now: datetime
    words: Words
    intent: Intent
    # The one step that the plan is about; empty: the whole saga.
    only: str
    actions: list[Action] = field(default_factory=list)
    left_alone: list[LeftAlone] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def write(self, step: Step, run: Run | None, written: Action | Refusal) -> None:
        """Take an action. In a plan for the whole saga, what nobody has described is left alone instead."""
        if isinstance(written, Action):
            self.actions.append(written)
        elif written.code in UNDESCRIBED and not self.only:
            self.left_alone.append(judgement.left(step, run, written.code, written.why))
        else:
            self.refusals.append(written)

    def refuse(self, code: str, why: str, step: str = "") -> None:
        self.refusals.append(Refusal(code, step, why))


def plan(
    subject: Subject,
    intent: str,
    step: str,
    now: datetime,
    *,
    outcome: str = "",
    words: Words = Words(),  # noqa: B008  (a value that never changes)
) -> Plan:
    """What would be done. An empty `step` is the whole saga; `outcome` is only for Intent.RECORD.

    `words` are the repair's number, the reason and the evidence; without them their placeholders stand in
    the plan. Raises ValueError for an intent or outcome that is none.
    """
    draft = Draft(subject, now, words, Intent(intent), only=step)
    steps = _chosen(subject, step, draft)
    if subject.rival:
        draft.refuse("in_repair", f"{subject.rival} is at work on this saga.")
    match draft.intent:
        case Intent.RECORD:
            _record(draft, steps, Outcome(outcome))
        case _ if subject.definition is None:
            why = f"No definition of {subject.saga_type} is loaded, which would say what to send."
            draft.refuse("no_definition", f"{why} You can still record what was done elsewhere.")
        case Intent.COMPENSATE:
            _compensate(draft, steps)
        case Intent.RETRY:
            _retry(draft, steps)
        case Intent.ASK:
            _ask(draft, steps)
    if not draft.actions and not draft.refusals:
        _refuse_for_nothing(draft)
    return Plan(
        intent=draft.intent,
        step=step,
        actions=tuple(draft.actions),
        left_alone=tuple(draft.left_alone),
        refusals=tuple(draft.refusals),
        warnings=tuple(draft.warnings),
    )


def forward_order(steps: list[Step], definition: Definition | None) -> list[Step]:
    """Each step after those that it waits for, else as the definition writes them."""
    before = definition.predecessors if definition else {}
    waiting, ordered, placed = list(steps), [], set[str]()
    names = {step.name for step in steps}
    while waiting:
        free = (step for step in waiting if names.isdisjoint(set(before.get(step.name, ())) - placed))
        # In a ring nobody is free; definitions with rings are refused, so this only keeps the loop finite.
        following = next(free, waiting[0])
        waiting.remove(following)
        ordered.append(following)
        placed.add(following.name)
    return ordered


def _chosen(subject: Subject, step: str, draft: Draft) -> list[Step]:
    """The steps that the plan is about, in forward order."""
    if not step:
        return forward_order(subject.state.steps, subject.definition)
    known = subject.state.step(step)
    if known is None:
        draft.refuse("unknown_step", f"This saga has no step {step}.", step)
    return [known] if known else []


def _compensate(draft: Draft, steps: list[Step]) -> None:
    subject = draft.subject
    for step in reversed(steps):
        for run in reversed(_runs(step)):
            judged = judgement.undo(subject, step, run, draft.now)
            if isinstance(judged, LeftAlone):
                draft.left_alone.append(judged)
            else:
                draft.write(
                    step,
                    run,
                    drafting.compensation(subject, step, judged.run, draft.words, judged.explanation),
                )
                if judged.is_unknown:
                    draft.warnings.append(
                        f"Nobody knows whether “{step.title}” was done. Asking first would tell."
                    )
    if draft.only:
        ordered = forward_order(subject.state.steps, subject.definition)
        draft.warnings += cautions.left_standing(ordered, draft.only)
    else:
        busy = cautions.beside_others(draft.left_alone)
        if busy:
            draft.refusals.append(busy)
        refusals, warnings = cautions.past_the_pivot(subject, steps)
        draft.refusals += refusals
        draft.warnings += warnings
        draft.warnings += cautions.not_undone(draft.left_alone)
    draft.warnings += cautions.of_the_saga(subject)


def _retry(draft: Draft, steps: list[Step]) -> None:
    """What failed to be undone is undone; only where there is no such thing, what failed goes forward."""
    subject, words = draft.subject, draft.words
    backward: list[tuple[Step, Undo]] = []
    forward: list[tuple[Step, Redo]] = []
    for step in steps:
        for run in _runs(step):
            judged = (
                judgement.undo(subject, step, run, draft.now)
                if run and run.state in UNDOING
                else judgement.redo(subject, step, run, draft.now)
            )
            match judged:
                case LeftAlone():
                    draft.left_alone.append(judged)
                case Undo():
                    backward.append((step, judged))
                case Redo():
                    forward.append((step, judged))
    if backward:
        for step, undo in reversed(backward):
            undone = drafting.compensation(subject, step, undo.run, words, undo.explanation)
            draft.write(step, undo.run, undone)
        for step, redo in forward:
            why = "The saga is going back; what is left of that comes first."
            draft.left_alone.append(judgement.left(step, redo.run, "gone_back", why))
        return
    for step, redo in forward:
        draft.write(step, redo.run, drafting.retry(subject, step, redo.run, words, redo.explanation))
    if forward and subject.state.is_over:
        draft.warnings.append("The saga has ended: whoever drove it may not go on from here.")


def _ask(draft: Draft, steps: list[Step]) -> None:
    for step in steps:
        runs: list[Run | None] = [run for run in step.runs if judgement.is_doubtful(run, draft.now)]
        if draft.only or (not step.runs and judgement.is_passed_over(draft.subject, step)):
            runs = runs or [step.run]
        if not runs and step.runs:
            draft.left_alone.append(judgement.left(step, step.run, "known", "Its outcome is known."))
        elif not runs:
            draft.left_alone.append(judgement.left(step, None, "not_started", "It has not started."))
        for run in runs:
            explanation = f"Asks {step.participant} what became of “{step.title}”. Changes nothing there."
            asked = drafting.ask(draft.subject, step, run, draft.words, explanation)
            draft.write(step, run, asked)


def _record(draft: Draft, steps: list[Step], outcome: Outcome) -> None:
    if not draft.only:
        draft.refuse("step_needed", "Say which step it is that was settled elsewhere.")
    for step in steps if draft.only else []:
        if step.state.value == outcome.value:
            draft.refuse("already_so", f"“{step.title}” is {outcome.value} already.", step.name)
        elif outcome != Outcome.COMPENSATED and step.state == StepState.COMPENSATED:
            draft.refuse(
                "already_compensated", f"“{step.title}” was undone; that cannot be unsaid.", step.name
            )
        elif outcome == Outcome.FAILED and step.run and step.run.completed:
            why = f"“{step.title}” has completed. If its effect is gone, record it as compensated."
            draft.refuse("already_completed", why, step.name)
        else:
            explanation = f"Records “{step.title}” as {outcome.value}, on your word. Nothing is sent."
            recorded = drafting.record(draft.subject, step, step.run, outcome, draft.words, explanation)
            draft.write(step, step.run, recorded)


def _runs(step: Step) -> list[Run | None]:
    return [*step.runs] or [None]


def _refuse_for_nothing(draft: Draft) -> None:
    """Say why there is nothing to do: the step's own reason where the plan is about one."""
    if draft.only:
        for left in draft.left_alone:
            draft.refuse(left.code, f"“{left.title}”: {left.why}", left.step)
    else:
        draft.refuse("nothing_to_do", NOTHING[draft.intent])
