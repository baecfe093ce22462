"""What cannot be right: for each code what opens it, what closes it, and the lawful lines beside it."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import definitions, facts, fold
from sagas.detection import judge
from sagas.detection.verdict import Verdict
from sagas.facts import Facts, Observed
from sagas.fold import SECOND
from sagas.ingest.observing import observe
from sagas.vocabulary import FAULTS, Code, Condition, Kind, Severity
from tests.sagas.saying import DEFINITION, NOW, START, event_sets, say
from tests.sagas.test_judge import YEAR, findings

NESTED = definitions.parse(
    "type: order\nversion: '1'\nnested: true\nsteps: [{name: charge, kind: compensatable}]", "nested.yaml"
)


@pytest.mark.parametrize(
    ("words", "by_then", "expected"),
    [
        # conflicting_outcome: C and F of one attempt. Trying again is no conflict.
        ("a:S a:C a:F", 0, {"conflicting_outcome a"}),
        ("a:S a:F a:S a:C", 0, set()),
        ("a:S a:C a:S a:F", 0, set()),
        ("a:F a:C", 0, set()),
        ("a#1:S a#1:F a#2:S a#2:C", 0, set()),
        ("a:S a:C a:F saga.completed", YEAR, {"conflicting_outcome a"}),
        # duplicate_completion: more completions than rounds.
        ("a:S a:C a:C", 0, {"duplicate_completion a"}),
        ("a:C a:C saga.completed", YEAR, {"duplicate_completion a"}),
        ("a:S a:C a:S a:C", 0, set()),
        ("a#1:C a#2:C", 0, set()),
        ("a:S a:R a:S a:R a:S a:C", 0, set()),
        ("a:S a:R a:S a:C a:C", 0, {"duplicate_completion a"}),
        ("a:S a:T a:S a:C a:C", 0, {"duplicate_completion a"}),
        # double_compensation: undone more often than done.
        ("a:C a:KS a:K+ a:K+", 0, {"double_compensation a"}),
        ("a:S a:KS a:K+ a:K+", 0, {"double_compensation a"}),
        ("a#1:C a#2:C a:K+ a:K+", 0, set()),
        ("a#1:C a#2:C a#1:K+ a#2:K+", 0, set()),
        ("a#1:C a#2:C a#1:K+ a#1:K+ a#2:K+", 0, {"double_compensation a"}),
        ("a:C a:KS a:K- a:KS a:K+", 0, set()),
        # late_forward_after_compensation: what a delayed call leaves behind; gone when it is undone again.
        ("a:S a:KS a:K+ a:C", 0, {"late_forward_after_compensation a"}),
        ("a:KS a:K+ a:S a:C", 0, {"late_forward_after_compensation a"}),
        ("a:S a:KS a:K+ a:C a:KS", 0, {"late_forward_after_compensation a"}),
        ("a:S a:KS a:K+ a:C a:KS a:K+", 0, set()),
        ("a:S a:C a:KS a:K+ saga.resumed a:S a:C", 0, set()),
        # late_forward_after_abort: once the time to undo it has passed.
        ("a:C b:S a:KS a:K+ b:C", 900, set()),
        ("a:C b:S a:KS a:K+ b:C", 901, {"late_forward_after_abort b"}),
        ("a:C b:S a:KS a:K+ b:C b:KS b:K+", YEAR, set()),
        ("b:S saga.compensating b:C saga.resumed c:S c:C saga.completed", YEAR, set()),
        # missing_compensation: given up after going back; a failed compensation says more.
        ("a:C b:C c:F c:KS c:K+ b:KS b:K+ saga.failed", 2, set()),
        ("a:C b:C c:F c:KS c:K+ b:KS b:K+ saga.failed", 3, {"missing_compensation a"}),
        ("a:C b:C saga.compensating b:K+ saga.aborted", 3, {"missing_compensation a"}),
        ("a:C b:C b:KS b:K- saga.failed", 3, {"compensation_failed b"}),
        ("a:C b:C saga.compensating b:K+ saga.compensated", YEAR, set()),
        ("a:C b:C b:KS b:K+ saga.failed a:KS a:K+", YEAR, set()),
        # compensation_after_commit.
        ("a:C saga.completed a:KS a:K+", 0, {"compensation_after_commit a"}),
        ("a:C saga.completed operator.repair_started a:KS a:K+", 0, set()),
        ("a:C saga.completed saga.resumed a:KS a:K+", 0, set()),
        # One step that was undone behind its back does not make the saga go back; the engine's word does.
        ("a:C b:C saga.completed b:K+", YEAR, {"compensation_after_commit b"}),
        ("a:C b:C saga.completed saga.compensating b:K+", YEAR,
         {"compensation_after_commit b", "compensation_overdue a"}),
        # commit_after_abort.
        ("a:C saga.compensating saga.completed", 0, {"commit_after_abort"}),
        ("a:C b:F b:KS b:K+ saga.completed", 0, {"commit_after_abort"}),
        ("a:C saga.compensating saga.resumed b:C saga.completed", 0, set()),
        # terminal_without_resolution: says more than that a step is late; gone when the answer comes.
        ("a:C b:S saga.completed", 2, set()),
        ("a:C b:S saga.completed", 3, {"terminal_without_resolution b"}),
        ("a:C b:S saga.completed", YEAR, {"terminal_without_resolution b"}),
        ("b:S saga.failed", YEAR, {"terminal_without_resolution b"}),
        ("b:S b:R saga.failed", YEAR, {"terminal_without_resolution b"}),
        # zombie_activity.
        ("a:C saga.completed b:S b:C", 0, {"zombie_activity b"}),
        ("a:S a:F saga.failed a:C", 0, {"zombie_activity a"}),
        ("a:C saga.completed saga.resumed b:S b:C saga.completed", 0, set()),
        ("a:F saga.failed operator.repair_started a:S a:C saga.completed", YEAR, set()),
        # outcome_mismatch: two ends that exclude each other.
        ("a:C saga.completed saga.failed", 2, set()),
        ("a:C saga.completed saga.failed", 3, {"outcome_mismatch"}),
        ("a:C saga.failed saga.completed", 3, {"outcome_mismatch"}),
        ("a:F saga.failed saga.compensated", YEAR, set()),
        ("a:F saga.aborted saga.failed", YEAR, set()),
        # attempt_storm: whatever the deadline, until a result comes.
        ("a:S " + "a:R " * 18, 0, set()),
        ("a:S " + "a:R " * 20, 0, {"attempt_storm a"}),
        ("a:S " + "a:R " * 20 + "a:C", 0, set()),
        ("a:S " + "a:R " * 20, YEAR, {"attempt_storm a"}),
    ],
)  # fmt: skip
def test_without_a_definition(words: str, by_then: float, expected: set) -> None:
    assert findings(words, after=by_then) == expected


@pytest.mark.parametrize(
    ("words", "by_then", "expected"),
    [
        # rollback_past_pivot.
        ("charge:C ship:C charge:KS charge:K+", 0, {"rollback_past_pivot ship"}),
        ("charge:C ship:F charge:KS charge:K+ saga.compensated", YEAR, set()),
        ("charge:C ship:C operator.repair_started charge:KS charge:K+", 0, set()),
        ("check:C charge:C ship:C saga.completed charge:K+", YEAR, {"compensation_after_commit charge"}),
        # missing_step: neither done nor skipped. What is not required may be missing.
        ("check:C charge:C saga.completed", 2, set()),
        ("check:C charge:C saga.completed", 3, {"missing_step ship"}),
        ("check:C charge:C ship:F saga.completed", 3, {"missing_step ship"}),
        ("check:C charge:C ship:N saga.completed", YEAR, set()),
        ("check:C charge:C ship:C saga.completed", YEAR, set()),
        ("check:C charge:C ship:S saga.completed", 3, {"terminal_without_resolution ship"}),
        # What a saga is complete without may answer after its end; a step that reads has nothing to tell.
        ("check:C charge:C ship:C thank:S saga.completed thank:C", YEAR, set()),
        ("charge:F saga.failed check:S check:C", YEAR, set()),
        # missing_compensation: the engine says undone, the steps do not show it.
        ("check:C charge:C saga.compensated", 3, {"missing_compensation charge"}),
        ("check:C charge:C charge:KS charge:K+ saga.compensated", YEAR, set()),
        # outcome_mismatch: given up though all was done.
        ("check:C charge:C ship:C saga.failed", 3, {"outcome_mismatch"}),
        # unknown_step.
        ("check:C other:C", 0, {"unknown_step other"}),
    ],
)  # fmt: skip
def test_with_a_definition(words: str, by_then: float, expected: set) -> None:
    assert findings(words, DEFINITION, after=by_then) == expected


def test_a_nested_saga_may_be_undone_after_it_completed() -> None:
    words = "charge:S charge:C saga.completed charge:KS charge:K+ saga.compensated"
    assert findings(words, NESTED, after=YEAR) == set()
    assert findings(words, None, after=YEAR) == {"compensation_after_commit charge"}


def test_a_step_may_say_how_many_attempts_are_a_storm() -> None:
    patient = definitions.parse(
        "type: order\nversion: '1'\nsteps: [{name: a, kind: compensatable, attempts: 3, deadline: 1h}]",
        "a.yaml",
    )
    assert findings("a:S a:R", patient, after=0) == set()
    assert findings("a:S a:R a:R a:R", patient, after=0) == {"attempt_storm a"}


def test_an_attempt_of_its_own_is_no_conflict() -> None:
    one, other = say("a:C a:F")
    for attempt, expected in ((2, set()), (1, {Code.CONFLICTING_OUTCOME})):
        events = [
            msgspec.structs.replace(one, attempt=1),
            msgspec.structs.replace(other, attempt=attempt),
        ]
        assert {verdict.code for verdict in judged(events)} & {Code.CONFLICTING_OUTCOME} == expected


def judged(
    events: list[Observed], definition: definitions.Definition | None = None, *, after: float = 0
) -> list[Verdict]:
    now = facts.moment(max(event.time for event in events) + int(after * SECOND))
    state = fold.derive(facts.merge(Facts(), events), definition, now)
    return judge.judge(state, definition, now)


@pytest.mark.parametrize("words", [
    "a:S a:KS a:K+ a:C", "a:C saga.completed a:KS a:K+", "a:C saga.compensating saga.completed",
    "a:C saga.completed b:S b:C", "a:C b:S a:KS a:K+ b:C",
])  # fmt: skip
def test_clocks_within_the_allowance_prove_nothing(words: str) -> None:
    """The same words a second apart, each from a source of its own."""
    events = [
        msgspec.structs.replace(event, source=f"{event.source}-{place}", time=START + place * SECOND // 4)
        for place, event in enumerate(say(words))
    ]
    codes = {verdict.code for verdict in judged(events)}
    assert not codes & {
        Code.LATE_FORWARD_AFTER_COMPENSATION,
        Code.COMPENSATION_AFTER_COMMIT,
        Code.COMMIT_AFTER_ABORT,
        Code.ZOMBIE_ACTIVITY,
        Code.LATE_FORWARD_AFTER_ABORT,
    }


@pytest.mark.parametrize("words", [
    "a:S a:KS a:K+ a:C", "a:C saga.completed a:KS a:K+", "a:C saga.compensating saga.completed",
    "a:C saga.completed b:S b:C",
])  # fmt: skip
def test_times_of_receipt_prove_nothing(words: str) -> None:
    events = [
        msgspec.structs.replace(event, source=f"{event.source}-{place}", time_given=False)
        for place, event in enumerate(say(words))
    ]
    codes = {verdict.code for verdict in judged(events)}
    assert Condition.INCONSISTENT not in {FAULTS[code].condition for code in codes - {Code.OUTCOME_MISMATCH}}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a:S a:C a:F", {"conflicting_outcome"}),
        ("a:S a:F a:S a:C", set()),
        ("a:S a:R a:S a:C a:F", {"conflicting_outcome"}),
    ],
)
def test_times_of_receipt_tell_no_attempts_apart(words: str, expected: set) -> None:
    """Whatever the order of arrival: there only the number of starts does."""
    events = say(words)
    for times in itertools.permutations(event.time for event in events):
        arrived = [
            msgspec.structs.replace(event, time=time, time_given=False)
            for event, time in zip(events, times, strict=True)
        ]
        assert {verdict.code for verdict in judged(arrived)} == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a:S a:F a:S a:C saga.completed", set()),
        ("a:S a:C a:F saga.completed", {"conflicting_outcome"}),
        ("a:C saga.compensating saga.resumed b:C saga.completed", set()),
        ("a:C b:S b:F saga.failed saga.resumed b:S b:C saga.completed", set()),
        ("a:C b:S saga.compensating b:C a:KS a:K+", {"late_forward_after_abort"}),
    ],
)
def test_within_a_source_the_sequence_decides_and_not_the_clock(words: str, expected: set) -> None:
    """Also where the first of two words is what matters: by this clock all came the other way round."""
    events = [
        msgspec.structs.replace(event, source="engine", sequence=str(place), time=START - place * SECOND)
        for place, event in enumerate(say(words))
    ]
    assert {verdict.code for verdict in judged(events, after=YEAR)} == expected


@pytest.mark.parametrize(
    ("sources", "words", "expected"),
    [
        ("engine engine", "a:F a:C", set()),
        ("engine service", "a:F a:C", {"conflicting_outcome"}),
        ("engine service engine", "a:F a:C a:C", set()),
        ("service service/2", "a:F a:C", set()),  # two instances of one participant
        ("service amends amends", "a:F operator.repair_started operator.step_completed", set()),
        ("engine amends service", "a:F operator.repair_started a:C", set()),
    ],
)
def test_a_failure_is_taken_back_by_who_told_it(sources: str, words: str, expected: set) -> None:
    events = [
        msgspec.structs.replace(event, source=source, participant=source.partition("/")[0], step="a")
        for event, source in zip(say(words), sources.split(), strict=True)
    ]
    assert {verdict.code for verdict in judged(events)} == expected


def test_two_sources_may_tell_of_one_completion_and_of_one_compensation() -> None:
    events = say("a:S a:C a:KS a:K+", source="engine") + say("a:S a:C a:KS a:K+", source="service")
    assert judged(events, after=YEAR) == []


def test_clocks_that_disagree_are_noted() -> None:
    asked, answered = say("a:S a:C")
    events = [
        msgspec.structs.replace(asked, source="engine", time=START + 60 * SECOND),
        msgspec.structs.replace(answered, source="service"),
    ]
    (ended,) = say("saga.completed")
    events.append(msgspec.structs.replace(ended, source="engine", event_id="end", time=START + 61 * SECOND))
    found = {verdict.code: verdict for verdict in judged(events, after=YEAR)}
    assert found.keys() == {Code.CLOCK_SKEW}
    assert found[Code.CLOCK_SKEW].detail["apart"] == 50
    assert found[Code.CLOCK_SKEW].severity == Severity.NOTE
    assert judge.worst(list(found.values())) == Condition.HEALTHY


COUNTED = definitions.parse(
    "type: order\nversion: '1'\nsequence: saga\nkeys: {order: order_id}\nsteps: []", "counted.yaml"
)


def told(kind: Kind, number: str = "", *, order: str = "8492", event: str = "1") -> Observed:
    return observe(
        source="shop",
        event_id=f"{event}-{number}",
        kind=kind,
        step="a" if kind.needs_step else "",
        execution="",
        attempt=None,
        time=NOW,
        time_given=True,
        sequence=number,
        attributes={},
        data=f'{{"order_id": "{order}"}}',
        participant="shop",
        definition=COUNTED,
    )


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        (["1", "2", "3"], 0),
        (["0", "1"], 0),
        (["3", "1", "2"], 0),
        (["1", "3"], 1),
        (["007", "010"], 2),
        (["1", "x"], 0),
    ],
)
def test_a_gap_in_the_numbers_of_a_source_is_noted_after_a_while(numbers: list[str], missing: int) -> None:
    events = [told(Kind.SAGA_NOTE, number) for number in numbers]
    assert Code.SEQUENCE_GAP not in {verdict.code for verdict in judged(events, COUNTED)}
    found = [verdict for verdict in judged(events, COUNTED, after=61) if verdict.code == Code.SEQUENCE_GAP]
    assert sum(verdict.detail["missing"] for verdict in found) == missing


def test_an_id_that_two_transactions_share() -> None:
    started = [told(Kind.SAGA_STARTED, order=order, event=order) for order in ("8492", "8493", "8492")]
    (verdict,) = judged(started, COUNTED)
    assert (verdict.code, verdict.detail) == (
        Code.SAGA_ID_REUSED,
        {"key": "order", "values": ["8492", "8493"]},
    )
    assert [each["id"] for each in verdict.proof] == ["8492-", "8493-"]
    assert judged([started[0], replace_event(started[0])], COUNTED) == []


def replace_event(event: Observed) -> Observed:
    return msgspec.structs.replace(event, event_id="another")


@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.sampled_from(["1", "2", "3", "4"])),
        min_size=1,
        max_size=8,
        unique=True,
    ),
    st.data(),
)
def test_births_are_the_same_in_any_order(started: list[tuple[str, str]], data: st.DataObject) -> None:
    events = [told(Kind.SAGA_STARTED, number, order=order, event=order) for order, number in started]
    shuffled = data.draw(st.permutations(events))
    assert facts.encode(facts.merge(Facts(), events)) == facts.encode(facts.merge(Facts(), shuffled))


@given(event_sets)
def test_of_one_cause_one_code_is_told(events: list[Observed]) -> None:
    found = {(verdict.code, verdict.step) for verdict in judged(events, after=YEAR)}
    for code, step in found:
        assert not any((other, step) in found for other in judge.TOLD_BY.get(code, ()))


@given(event_sets)
def test_every_finding_has_its_evidence(events: list[Observed]) -> None:
    known = {(event.source, event.event_id) for event in events}
    for verdict in judged(events, after=YEAR):
        assert {(each["source"], each["id"]) for each in verdict.proof} <= known
        assert verdict.proof or verdict.code in {Code.SEQUENCE_GAP, Code.SAGA_STALLED}


@given(event_sets, st.sampled_from([None, DEFINITION]))
def test_what_is_passed_over_as_plain_has_nothing_wrong(
    events: list[Observed], definition: definitions.Definition | None
) -> None:
    now = facts.moment(START)
    state = fold.derive(facts.merge(Facts(), events), definition, now)
    found = {(verdict.code, verdict.step) for verdict in judge.prospects(state, definition)}
    for step in state.steps:
        for run in step.runs:
            for code in judge.WRONG:
                verdict = code(state, step, run)
                assert verdict is None or (verdict.code, verdict.step) in found
