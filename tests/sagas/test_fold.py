"""The fold: a function of the set of events. Tables for what each fact means, properties for order."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import definitions, facts, fold
from sagas.facts import Facts, Observed
from sagas.fold import steps
from sagas.vocabulary import SAID_TO_AMENDS, Kind, Status, StepState
from tests.sagas.saying import NOW, START, say

DEFINITION = definitions.parse(
    """
type: order
version: "1"
deadline: 1h
steps:
  - {name: check, kind: readonly, participant: shop}
  - name: charge
    kind: compensatable
    participant: payment
    deadline: 10s
    compensation: {title: refund, request: POST /refund, deadline: 10s}
  - {name: ship, kind: pivot, participant: shipping, deadline: 30s}
  - {name: thank, kind: retriable, participant: mail, required: false}
""",
    "order.yaml",
)


def state_of(words: str, definition: definitions.Definition | None = None, *, after: float = 0, **kwargs):
    """The state `after` seconds past the last event."""
    events = say(words, **kwargs)
    known = facts.merge(Facts(), events)
    return fold.derive(known, definition, facts.moment(events[-1].time) + timedelta(seconds=after))


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("charge:S", StepState.RUNNING),
        ("charge:S charge:R", StepState.RUNNING),
        ("charge:S charge:C", StepState.COMPLETED),
        ("charge:C", StepState.COMPLETED),
        ("charge:S charge:F", StepState.FAILED),
        ("charge:S charge:F charge:S", StepState.RUNNING),
        ("charge:S charge:F charge:S charge:C", StepState.COMPLETED),
        ("charge:S charge:T", StepState.TIMED_OUT),
        ("charge:S charge:T charge:C", StepState.COMPLETED),
        ("charge:S charge:T charge:F", StepState.FAILED),
        ("charge:S charge:F charge:T", StepState.TIMED_OUT),
        ("charge:N", StepState.SKIPPED),
        ("charge:S charge:C charge:KS", StepState.COMPENSATING),
        ("charge:S charge:C charge:KS charge:K+", StepState.COMPENSATED),
        ("charge:S charge:C charge:KS charge:K-", StepState.COMPENSATION_FAILED),
        ("charge:S charge:C charge:KS charge:K- charge:KS", StepState.COMPENSATING),
        ("charge:S charge:C charge:KS charge:K- charge:KS charge:K+", StepState.COMPENSATED),
        ("charge:S charge:C charge:KN", StepState.COMPLETED),
        ("charge:KS charge:K+", StepState.COMPENSATED),  # an empty rollback
        ("charge:S charge:KS charge:K+ charge:C", StepState.COMPLETED),  # it answers after it was undone
        ("charge#1:S charge#1:C charge#2:S", StepState.RUNNING),
        ("charge#1:S charge#1:F charge#2:S charge#2:C", StepState.COMPLETED),
        ("charge#1:S charge#1:C charge:K+", StepState.COMPENSATED),  # the undoing names no execution
    ],
)
def test_state_of_a_step(words: str, state: StepState) -> None:
    assert state_of(words).step("charge").state == state


@pytest.mark.parametrize(
    ("words", "status", "open_effects", "unknown_effects"),
    [
        ("saga.started", Status.RUNNING, [], []),
        ("saga.started check:C charge:C", Status.RUNNING, ["check", "charge"], []),
        ("saga.started charge:S charge:C saga.completed", Status.COMPLETED, [], []),
        ("saga.started charge:S saga.completed", Status.COMPLETED, [], ["charge"]),
        ("charge:C ship:F saga.compensating", Status.COMPENSATING, ["charge"], []),
        ("charge:C ship:F charge:KS charge:K+", Status.COMPENSATED, [], []),
        ("charge:C ship:F charge:KS charge:K+ ship:C", Status.COMPENSATING, ["ship"], []),
        ("charge:C ship:F charge:K- saga.failed", Status.FAILED, ["charge"], []),
        ("charge:C ship:F ship:KS ship:K- saga.failed", Status.FAILED, ["charge"], ["ship"]),
        ("charge:F saga.failed", Status.COMPENSATED, [], []),
        ("charge:S saga.aborted", Status.FAILED, [], ["charge"]),
        ("check:C charge:C charge:K+ saga.compensated", Status.COMPENSATED, [], []),
        ("charge:C saga.suspended", Status.SUSPENDED, ["charge"], []),
        ("charge:C saga.suspended saga.resumed", Status.RUNNING, ["charge"], []),
        ("charge:C saga.failed saga.resumed", Status.RUNNING, ["charge"], []),
        ("charge:C saga.timed_out", Status.RUNNING, ["charge"], []),
        ("charge:C saga.completed charge:KS", Status.COMPENSATING, ["charge"], []),
        ("charge:C saga.completed charge:KS charge:K+", Status.COMPENSATED, [], []),
    ],
)
def test_status_and_effects_without_a_definition(
    words: str, status: Status, open_effects: list[str], unknown_effects: list[str]
) -> None:
    state = state_of(words)
    assert (state.status, state.open_effects, state.unknown_effects) == (
        status,
        open_effects,
        unknown_effects,
    )


@pytest.mark.parametrize(
    ("words", "status", "open_effects"),
    [
        ("check:C charge:C", Status.RUNNING, ["charge"]),  # read-only steps leave no effect
        ("check:C charge:C ship:C", Status.COMPLETED, []),  # all required steps: no end is needed
        ("check:C charge:C ship:C thank:S", Status.RUNNING, ["charge", "ship"]),
        ("check:C charge:N ship:C", Status.COMPLETED, []),
        ("check:C charge:C ship:F charge:K+", Status.COMPENSATED, []),
        ("check:C charge:C saga.compensated", Status.COMPENSATED, ["charge"]),  # the steps show otherwise
    ],
)
def test_status_and_effects_with_a_definition(words: str, status: Status, open_effects: list[str]) -> None:
    state = state_of(words, DEFINITION)
    assert (state.status, state.open_effects) == (status, open_effects)


def test_an_expected_step_is_pending_and_waited_for() -> None:
    state = state_of("saga.started check:C", DEFINITION)
    assert [step.state for step in state.steps][1:] == [StepState.PENDING] * 3
    assert state.waiting_on == "charge"


def test_an_outcome_is_unknown_once_the_deadline_has_passed() -> None:
    assert state_of("charge:S", DEFINITION, after=9).unknown_effects == []
    assert state_of("charge:S", DEFINITION, after=11).unknown_effects == ["charge"]
    assert state_of("charge:S", after=899).unknown_effects == []
    assert state_of("charge:S", after=901).unknown_effects == ["charge"]


def test_the_deadline_of_the_event_overrides_the_definition() -> None:
    (started,) = say("charge:S")
    late = facts.merge(Facts(), [_with(started, deadline=START + 60 * fold.SECOND)])
    assert fold.derive(late, DEFINITION, NOW).step("charge").run.deadline == START + 60 * fold.SECOND


def test_clocks_of_two_sources_prove_an_order_only_beyond_the_skew_allowance() -> None:
    undone, completed = say("charge:K+ charge:C", gap=1.5)
    within = facts.merge(Facts(), [undone, _with(completed, source="elsewhere")])
    assert fold.derive(within, None, NOW).step("charge").state == StepState.COMPENSATED
    beyond = facts.merge(
        Facts(), [undone, _with(completed, source="elsewhere", time=START + 3 * fold.SECOND)]
    )
    assert fold.derive(beyond, None, NOW).step("charge").state == StepState.COMPLETED


def test_within_a_source_the_sequence_decides_and_not_the_clock() -> None:
    undone, completed = say("charge:K+ charge:C")
    told = facts.merge(Facts(), [_with(undone, sequence="10"), _with(completed, sequence="9")])
    assert fold.derive(told, None, NOW).step("charge").state == StepState.COMPENSATED


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("service/charge:C engine/charge:S", StepState.COMPLETED),
        ("service/charge:F engine/charge:S", StepState.FAILED),
        ("service/charge:C service/charge:KS service/charge:K+ engine/charge:S", StepState.COMPENSATED),
        # What shows that it did begin again: another start, the same clock, the number of the attempt.
        ("engine/charge:S service/charge:C engine/charge:S", StepState.RUNNING),
        ("service/charge:C service/charge:S", StepState.RUNNING),
        ("service/charge:F!1 engine/charge:S!2", StepState.RUNNING),
        ("amends/charge:F engine/charge:S", StepState.RUNNING),
    ],
)
def test_an_answer_is_no_less_one_by_a_clock_that_is_behind(words: str, state: StepState) -> None:
    """All of it the clocks say 10 s apart; it is the start that came first where nothing says otherwise."""
    assert fold.derive(facts.merge(Facts(), by_sources(words)), None, NOW).step("charge").state == state


def test_the_late_answer_of_an_attempt_before_is_not_the_newest() -> None:
    events = by_sources("a/charge:S!1 a/charge:S!2 a/charge:F!2 a/charge:F!1")
    assert fold.derive(facts.merge(Facts(), events), None, NOW).step("charge").state == StepState.FAILED


def by_sources(words: str) -> list[Observed]:
    """Each word says its source, and perhaps its attempt: `engine/charge:S!2`."""
    parts = [word.replace("!", "/").split("/") for word in words.split()]
    return [
        _with(event, source=part[0], attempt=int(part[2]) if part[2:] else 0)
        for event, part in zip(say(" ".join(part[1] for part in parts)), parts, strict=True)
    ]


def test_a_time_of_receipt_proves_no_order() -> None:
    events = [_with(event, time_given=False) for event in say("charge:K+ charge:C")]
    state = fold.derive(facts.merge(Facts(), events), None, NOW)
    assert state.step("charge").state == StepState.COMPENSATED


def test_what_a_participant_told_amends_counts_as_its_word() -> None:
    answer = Observed("amends", "a", Kind.OPERATOR_STEP_COMPLETED, START + 60 * fold.SECOND, step="charge")
    state = fold.derive(facts.merge(Facts(), [*say("charge:S charge:T"), answer]), None, NOW)
    assert state.step("charge").state == StepState.COMPLETED
    assert state.open_effects == ["charge"]


def test_attempts_are_the_highest_that_anything_tells() -> None:
    assert state_of("charge:S charge:R charge:R").step("charge").attempts == 2
    assert state_of("charge:S charge:R charge:R charge:C").step("charge").attempts == 3
    (started,) = say("charge:S")
    told = facts.merge(Facts(), [_with(started, attempt=7)])
    assert fold.derive(told, None, NOW).step("charge").attempts == 7


def _with(event: Observed, **changes: object) -> Observed:
    return msgspec.structs.replace(event, **changes)


KINDS = [kind for kind in Kind if kind.family != "operator" or kind in SAID_TO_AMENDS]
observed = st.builds(
    Observed,
    source=st.sampled_from(["a", "b"]),
    event_id=st.integers(0, 40).map(str),
    kind=st.sampled_from(KINDS),
    time=st.integers(START, START + 20 * fold.SECOND),
    time_given=st.booleans(),
    step=st.sampled_from(["check", "charge", "other"]),
    execution=st.sampled_from(["", "", "1", "2"]),
    attempt=st.integers(0, 3),
    sequence=st.sampled_from(["", "1", "2", "10", "b"]),
    participant=st.sampled_from(["", "p", "q"]),
    version=st.sampled_from(["", "1", "2"]),
    keys=st.dictionaries(st.just("order"), st.sampled_from(["1", "2"])),
)
event_sets = st.lists(observed, max_size=25, unique_by=lambda event: (event.source, event.event_id))


@given(event_sets, st.data())
def test_any_permutation_and_any_split_into_batches_gives_the_same_facts(events, data) -> None:
    whole = facts.encode(facts.merge(Facts(), events))
    shuffled = data.draw(st.permutations(events))
    cut = data.draw(st.integers(0, len(events)))
    stored = facts.encode(facts.merge(Facts(), shuffled[:cut]))
    merged = facts.merge(facts.decode(stored), shuffled[cut:])
    assert facts.decode(whole) == facts.decode(facts.encode(merged))


@given(event_sets, st.data())
def test_any_permutation_gives_the_same_state(events, data) -> None:
    shuffled = data.draw(st.permutations(events))
    for definition in (None, DEFINITION):
        one = fold.derive(facts.merge(Facts(), events), definition, NOW)
        other = fold.derive(facts.merge(Facts(), shuffled), definition, NOW)
        assert one == other


@given(event_sets)
def test_effects_are_open_or_unknown_and_never_both(events) -> None:
    state = fold.derive(facts.merge(Facts(), events), DEFINITION, NOW)
    assert not set(state.open_effects) & set(state.unknown_effects)
    assert "check" not in state.open_effects + state.unknown_effects
    assert {step.name for step in state.steps} >= set(state.open_effects + state.unknown_effects)


@given(event_sets)
def test_time_alone_makes_nothing_known(events) -> None:
    known = facts.merge(Facts(), events)
    now = fold.derive(known, None, NOW)
    later = fold.derive(known, None, NOW + timedelta(days=1))
    assert set(now.unknown_effects) <= set(later.unknown_effects) | set(later.open_effects)


@given(event_sets, st.sampled_from([0, 2]))
def test_the_short_way_for_plain_executions_says_what_the_long_one_says(events, skew) -> None:
    known = facts.merge(Facts(), events)
    going_back = facts.last(known.marks, "compensating")
    for name, executions in known.steps.items():
        for execution, said in executions.items():
            given = execution, said, DEFINITION.step(name), going_back, skew * facts.SECOND
            short, long = steps._plain_run(*given), steps._run(*given)
            if short:
                short.is_plain = False
                assert short == long


@pytest.mark.parametrize(
    ("words", "plain"),
    [("a:S", True), ("a:C", True), ("a:S a:C", True), ("a:S a:S", False), ("a:C a:S", False), ("a:F", False)],
)
def test_plain_is_what_started_and_completed_once(words: str, plain: bool) -> None:
    assert [run.is_plain for step in state_of(words).steps for run in step.runs] == [plain]
