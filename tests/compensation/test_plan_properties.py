"""What holds of every plan, whatever the story."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from compensation import planner
from compensation.plan import Intent, canonical, digest, read
from compensation.subject import Subject
from sagas.vocabulary import StepState
from tests.compensation.stories import told

codes_of_events = st.sampled_from(["S", "R", "C", "F", "T", "N", "KS", "K+", "K-", "KN"])
steps = st.sampled_from(["check", "reserve", "charge", "ship", "thank", "stranger", "charge#1", "charge#2"])
marks = st.sampled_from(
    ["saga.started", "saga.completed", "saga.failed", "saga.compensating", "saga.compensated", "saga.aborted"]
)
words = st.one_of(st.builds(lambda step, code: f"{step}:{code}", steps, codes_of_events), marks)
stories = st.lists(words, min_size=1, max_size=14).map(" ".join)
intents = st.sampled_from([Intent.COMPENSATE, Intent.RETRY, Intent.ASK])
pasts = st.sampled_from([0.0, 15.0, 3600.0])


def executions(subject: Subject) -> set[tuple[str, str]]:
    return {
        (step.name, run.execution if run else "")
        for step in subject.state.steps
        for run in (step.runs or [None])
    }


@given(story=stories, intent=intents, after=pasts)
def test_every_plan_accounts_for_every_execution_once(story: str, intent: str, after: float):
    subject, now = told(story, after=after)
    plan = planner.plan(subject, intent, "", now)
    told_of = [(action.step, action.execution) for action in plan.actions]
    if intent == Intent.ASK:
        # Of a step that is asked about, only the executions in doubt are named.
        assert {step for step, _ in executions(subject)} == {name for name, _ in told_of} | {
            left.step for left in plan.left_alone
        }
    else:
        told_of += [(left.step, left.execution) for left in plan.left_alone]
        told_of += [(refusal.step, "") for refusal in plan.refusals if refusal.code == "incomplete"]
        assert {name for name, _ in executions(subject)} == {name for name, _ in told_of}
        assert len(told_of) == len(executions(subject))


@given(story=stories, after=pasts)
def test_no_plan_undoes_what_is_undone_or_in_other_than_the_reverse_order(story: str, after: float):
    subject, now = told(story, after=after)
    plan = planner.plan(subject, Intent.COMPENSATE, "", now)
    order = [step.name for step in planner.forward_order(subject.state.steps, subject.definition)]
    places = [order.index(action.step) for action in plan.actions]
    assert places == sorted(places, reverse=True)
    for action in plan.actions:
        step = subject.state.step(action.step)
        assert step is not None
        run = next((run for run in step.runs if run.execution == action.execution), None)
        assert run is None or run.state not in {
            StepState.COMPENSATED,
            StepState.FAILED,
            StepState.SKIPPED,
        }


@given(story=stories, intent=intents, after=pasts)
def test_the_hash_is_stable_and_survives_being_stored(story: str, intent: str, after: float):
    subject, now = told(story, after=after)
    plan = planner.plan(subject, intent, "", now)
    again = planner.plan(told(story, after=after)[0], intent, "", now)
    assert plan.hash == again.hash
    stored = msgspec.json.decode(plan.canonical())
    assert digest(stored) == plan.hash
    assert read(stored) == plan
    assert canonical(stored) == plan.canonical()


@given(story=stories, intent=intents, after=pasts)
def test_keys_are_never_shared_and_only_startable_plans_have_actions(story: str, intent: str, after: float):
    subject, now = told(story, after=after)
    plan = planner.plan(subject, intent, "", now)
    assert len({action.idempotency_key for action in plan.actions}) == len(plan.actions)
    assert plan.can_start or plan.refusals
