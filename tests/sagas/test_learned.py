"""Learned deadlines: they warn where nobody declared one, page where a definition says so, and give way."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
import pytest
from django.utils import timezone

from sagas import definitions, facts, fold, learning, story
from sagas.audit import Actor
from sagas.definitions import Definition
from sagas.detection import deadlines, learned
from sagas.detection.judge import judge
from sagas.detection.sweep import sweep
from sagas.facts import Facts
from sagas.learning import memory
from sagas.learning.learner import learn
from sagas.learning.normal import FACTOR, FEWEST, Norm, StepNorms
from sagas.models import Alert, Finding, Problem, Saga, StepNorm
from sagas.vocabulary import Kind, Severity
from tests.sagas.learning.runs import TYPE, event, store, whole
from tests.sagas.saying import DEFINITION, NOW, say
from tests.sagas.storing import due_at

# 99 of 100 take 2 s, forward and back: 6 s are too long.
NORM = Norm(1000, 1.0, 1.5, 2.0)
NORMS = {name: StepNorms(NORM, NORM) for name in ("check", "charge", "ship", "thank")}


def judged(
    words: str, seconds: float, definition: Definition | None = None, norms=NORMS
) -> list[tuple[str, str, str]]:
    """What is wrong so many seconds after the last event, which comes ten seconds after the one before it."""
    events = say(words, source="shop")
    now = facts.moment(events[-1].time) + timedelta(seconds=seconds)
    state = fold.derive(facts.merge(Facts(), events), definition, now)
    return sorted(
        (verdict.code.value, verdict.step, verdict.severity.value)
        for verdict in judge(state, definition, now, norms)
    )


WARNED = [("step_overdue", "ship", "warning")]


@pytest.mark.parametrize(
    ("words", "seconds", "expected"),
    [
        ("saga.started ship:S", 5.9, []),
        ("saga.started ship:S", 6.1, WARNED),
        ("saga.started ship:S", 899, WARNED),
        # The default deadline has passed: the ordinary codes say more, and this one is silent.
        ("saga.started ship:S", 901, [("step_in_doubt", "ship", "error")]),
        ("saga.started ship:S ship:R", 0, WARNED),
        ("saga.started ship:S ship:R", 891, [("step_overdue", "ship", "error")]),
        # Trying again without an answer buys no time; an answer does.
        ("saga.started ship:S ship:S", 0, WARNED),
        ("saga.started ship:S ship:F ship:S", 5, []),
        ("saga.started ship:S ship:C", 100, []),
        ("saga.started ship:S saga.suspended", 100, []),
        ("saga.started ship:S saga.completed", 100, []),
        ("saga.started ship#1:S ship#2:S", 100, WARNED),
        ("saga.started ship:S ship:C ship:KS", 6.1, [("compensation_overdue", "ship", "warning")]),
        ("saga.started ship:S ship:C ship:KS", 5.9, []),
        ("saga.started ship:S ship:C ship:KS", 901, [("compensation_overdue", "ship", "error")]),
        ("saga.started ship:S ship:C ship:KS ship:K+", 100, []),
        # That a compensation was not begun is nothing that was measured.
        ("saga.started ship:S ship:C saga.compensating", 100, []),
        ("saga.started ship:S ship:C ship:KS ship:K-", 100, [("compensation_failed", "ship", "critical")]),
        ("saga.started other:S", 100, []),
    ],
)
def test_what_takes_longer_than_usual(words: str, seconds: float, expected: list) -> None:
    found = judged(words, seconds)
    assert [one for one in found if one[0] != "terminal_without_resolution"] == expected


def test_without_norms_there_are_no_warnings() -> None:
    assert judged("saga.started ship:S", 100, norms={}) == []
    too_few = {"ship": StepNorms(None, None)}
    assert judged("saga.started ship:S ship:C ship:KS", 100, norms=too_few) == []


def test_where_a_deadline_is_declared_nothing_is_learned() -> None:
    # `charge` has 10 s and its compensation 20 s; `thank` has none.
    assert judged("saga.started charge:S", 9.9, DEFINITION) == []
    assert judged("saga.started charge:S charge:C charge:KS", 19, DEFINITION) == []
    assert judged("saga.started thank:S", 9.9, DEFINITION) == [("step_overdue", "thank", "warning")]


def test_a_deadline_of_the_event_counts_before_a_learned_one() -> None:
    (begun,) = say("ship:S")
    until = facts.microseconds(NOW + timedelta(seconds=500))
    state = fold.derive(facts.merge(Facts(), [msgspec.structs.replace(begun, deadline=until)]), None, NOW)
    assert judge(state, None, NOW + timedelta(seconds=100), NORMS) == []


def test_what_normally_takes_longer_than_the_default_deadline_is_left_to_it() -> None:
    slow = {"ship": StepNorms(Norm(1000, 200.0, 300.0, 400.0), None)}
    state = fold.derive(facts.merge(Facts(), say("saga.started ship:S")), None, NOW)
    assert list(learned.prospects(state, None, slow)) == []


MODES = "type: order\nversion: '1'\n{whole}\nsteps:\n  - {{name: ship, kind: pivot{own}}}\n"


@pytest.mark.parametrize(
    ("whole", "own", "expected"),
    [
        ("", "", "warning"),
        ("learned: warn", "", "warning"),
        ("learned: page", "", "error"),
        ("learned: off", "", None),
        ("learned: page", ", learned: warn", "warning"),
        ("learned: off", ", learned: page", "error"),
        ("learned: page", ", learned: off", None),
    ],
)
def test_a_definition_says_what_a_learned_deadline_may_do(whole: str, own: str, expected: str | None) -> None:
    definition = definitions.parse(MODES.format(whole=whole, own=own), "order.yaml")
    found = judged("saga.started ship:S", 7, definition)
    assert found == ([("step_overdue", "ship", expected)] if expected else [])


@pytest.mark.parametrize("place", [("learned: loud", ""), ("", ", learned: loud")])
def test_a_word_that_is_none_is_refused(place: tuple[str, str]) -> None:
    with pytest.raises(
        definitions.DefinitionError, match='learned must be one of warn, page, off; got "loud"'
    ):
        definitions.parse(MODES.format(whole=place[0], own=place[1]), "order.yaml")


def test_it_says_when_to_look_again() -> None:
    state = fold.derive(facts.merge(Facts(), say("saga.started ship:S", gap=0)), None, NOW)
    assert deadlines.next_due(state, None, NOW, NORMS) == NOW + timedelta(seconds=6, microseconds=1)
    found = list(learned.prospects(state, None, NORMS))
    after = deadlines.next_after(state, found, found[0].due)
    assert after is None
    assert deadlines.next_due(state, None, NOW) == NOW + timedelta(seconds=900, microseconds=1)


def test_it_is_told_in_words() -> None:
    events = say("saga.started charge:S charge:C charge:KS ship:S", source="shop", gap=0)
    now = NOW + timedelta(seconds=30)
    state = fold.derive(facts.merge(Facts(), events), None, now)
    found = {verdict.code.value: verdict for verdict in judge(state, None, now, NORMS)}
    told = {
        code: (
            story.title(one.code, one.step, one.detail, None),
            story.explanation(one.code, one.step, one.detail, None),
        )
        for code, one in found.items()
    }
    assert told == {
        "step_overdue": (
            "ship takes longer than usual",
            "no answer for more than 6 s; 99 of 100 take 2 s or less",
        ),
        "compensation_overdue": (
            "undoing charge takes longer than usual",
            "not confirmed for more than 6 s; 99 of 100 take 2 s or less",
        ),
    }
    assert story.plain(story.tell(state, [found["step_overdue"]], None, now)[:1]) == (
        "shop started ship at 22:13:20 UTC and has not answered; 99 of 100 take 2 s or less."
    )
    assert story.plain(story.tell(state, [found["compensation_overdue"]], None, now)[:1]) == (
        "shop began undoing charge at 22:13:20 UTC and has not confirmed it; 99 of 100 take 2 s or less."
    )


@pytest.fixture
def used_to_two_seconds(db: None) -> Iterator[datetime]:
    """A stack that has seen enough; the time now."""
    memory.forget()
    now = timezone.now()
    store([one for n in range(FEWEST) for one in whole(f"n-{n}", 2, now - timedelta(hours=1))], now)
    learn(now)
    yield now
    memory.forget()


def begin(now: datetime, saga_id: str = "p-1") -> Saga:
    return store(
        [
            event(1, Kind.SAGA_STARTED, now, saga_id=saga_id),
            event(2, Kind.STEP_STARTED, now, saga_id=saga_id, step="pack"),
        ],
        now,
    )


def test_a_warning_is_shown_and_nobody_is_told(used_to_two_seconds: datetime, mails) -> None:
    now = used_to_two_seconds
    saga = begin(now)
    limit = learning.norm(TYPE, "", "pack").limit
    assert limit == pytest.approx(FACTOR * 2, rel=0.02)
    assert due_at(saga) == now + timedelta(seconds=limit, microseconds=1)
    assert sweep(now + timedelta(seconds=limit - 0.1)) == 0
    late = now + timedelta(seconds=limit + 1)
    assert sweep(late) == 1
    finding = Finding.objects.get()
    assert (finding.code, finding.step, finding.severity) == ("step_overdue", "pack", "warning")
    assert finding.detail["reason"] == "learned"
    assert finding.detail["normal"]["samples"] == FEWEST
    saga.refresh_from_db()
    assert saga.condition == "stuck"
    assert due_at(saga) == now + timedelta(seconds=900, microseconds=1)
    assert Problem.objects.get().title == "pack takes longer than usual"
    assert not Alert.objects.exists()


def test_a_warning_that_becomes_an_error_is_told(used_to_two_seconds: datetime, mails) -> None:
    now = used_to_two_seconds
    begin(now)
    store([event(3, Kind.STEP_ATTEMPT_FAILED, now + timedelta(seconds=1), step="pack")], now)
    sweep(now + timedelta(seconds=10))
    sweep(now + timedelta(seconds=901))
    warned, told = Finding.objects.order_by("opened_at")
    assert (warned.severity, warned.closed_at is None) == ("warning", False)
    assert (told.code, told.severity, told.closed_at) == ("step_overdue", "error", None)
    problem = Problem.objects.get()
    assert (problem.severity, problem.open_count, problem.total_count) == ("error", 1, 2)
    assert (problem.title, problem.explanation) == ("pack is overdue", "shop keeps failing")
    # Nobody looked for a quarter of an hour, so that what is wrong has to stay so for a moment.
    assert not Alert.objects.exists()
    for later in (920, 935):
        sweep(now + timedelta(seconds=later))
    assert Alert.objects.get().occasion == "opened"


def test_a_warning_wakes_no_problem_that_people_were_told_of(used_to_two_seconds: datetime, mails) -> None:
    now = used_to_two_seconds
    begin(now)
    store([event(3, Kind.STEP_ATTEMPT_FAILED, now + timedelta(seconds=1), step="pack")], now)
    sweep(now + timedelta(seconds=901))
    over = now + timedelta(seconds=910)
    store([event(4, Kind.STEP_COMPLETED, over, step="pack"), event(5, Kind.SAGA_COMPLETED, over)], over)
    begin(over, "p-2")
    sweep(over)
    sweep(over + timedelta(seconds=30))
    told, quiet = Problem.objects.order_by("pk")
    assert (told.severity, told.open_count) == ("error", 0)
    assert (quiet.severity, quiet.open_count) == ("warning", 1)
    assert list(Alert.objects.order_by("pk").values_list("problem", "occasion")) == [
        (told.pk, "opened"),
        (told.pk, "resolved"),
    ]


def test_a_warning_goes_when_the_answer_comes(used_to_two_seconds: datetime) -> None:
    now = used_to_two_seconds
    begin(now)
    sweep(now + timedelta(seconds=10))
    end = now + timedelta(seconds=11)
    store([event(3, Kind.STEP_COMPLETED, end, step="pack"), event(4, Kind.SAGA_COMPLETED, end)], end)
    sweep(end)
    assert Saga.objects.get(saga_id="p-1").condition == "healthy"
    assert Finding.objects.get().closed_at == end


def test_where_a_definition_says_so_people_are_told(used_to_two_seconds: datetime, mails) -> None:
    now = used_to_two_seconds
    definitions.load(
        "{type: parcel, version: '2', learned: page, steps: [{name: pack, kind: pivot}]}",
        "parcel.yaml",
        Actor.system(),
    )
    store([one for n in range(FEWEST) for one in whole(f"m-{n}", 2, now - timedelta(hours=1))], now)
    learn(now)
    begin(now)
    sweep(now + timedelta(seconds=10))
    finding = Finding.objects.get()
    assert (finding.severity, finding.detail["reason"]) == (Severity.ERROR, "learned")
    assert Alert.objects.get().occasion == "opened"


def test_what_is_normal_is_remembered(used_to_two_seconds: datetime) -> None:
    memory.refresh()
    before = memory.known(TYPE, None)
    StepNorm.objects.all().delete()
    memory.refresh()
    assert memory.known(TYPE, None) == before != {}
    memory.forget()
    memory.refresh()
    assert memory.known(TYPE, None) == {}
