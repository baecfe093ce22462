"""How much one saga holds: what is beyond it waits in quarantine, and nothing else changes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from sagas import audit, definitions, events, facts, ingest, participants, quarantine
from sagas.events import Incoming
from sagas.facts import Facts
from sagas.ingest import bounding
from sagas.ingest.holding import Held
from sagas.models import Event, ForeignType, Participant, Quarantined, Saga
from sagas.quarantine import Replayed
from sagas.vocabulary import Kind
from tests.sagas.saying import say

ME = audit.Actor("person", "anna", "192.0.2.1")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def shop(db: None) -> Participant:
    return participants.create("shop", ME)


def event(words: str, number: int, saga: str = "o-1") -> Incoming:
    """From "step.started ship/2 //shop": the kind, step and execution (or -), the source."""
    kind, step, source = words.split()
    name, _, execution = step.strip("-").partition("/")
    return Incoming(
        source=source,
        id=f"e-{number}",
        kind=Kind(kind),
        saga_type="order",
        saga_id=saga,
        step=name,
        execution=execution,
        time=NOW + timedelta(seconds=number),
        raw=events_json(kind, number, name, execution, source, saga),
    )


def events_json(kind: str, number: int, step: str, execution: str, source: str, saga: str) -> bytes:
    given = {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": source,
        "type": kind,
        "sagatype": "order",
        "correlationid": saga,
        "sagastep": step,
        "sagaexecution": execution,
        "time": (NOW + timedelta(seconds=number)).isoformat(),
    }
    return msgspec.json.encode({name: text for name, text in given.items() if text})


def take(by: Participant, *told: Incoming) -> str:
    results = ingest.store(told, participant=by, now=NOW)
    return "".join(result.outcome[0].upper() for result in results)


def held(*words: str) -> Held:
    """A saga of which nothing is stored, and the events that it is to take."""
    saga = Held(1, "order", "o-1", None, NOW, "{}", Facts(), {}, {})
    saga.events = [event(each, number) for number, each in enumerate(words)]
    return saga


@pytest.mark.parametrize(
    ("words", "left"),
    [
        # One more execution, and one more step, is too much.
        (["step.started a/1 //s", "step.started a/2 //s", "step.started a/3 //s"], [2]),
        (["step.started a/1 //s", "step.started b //s", "step.started c //s"], [2]),
        # What is known goes on, whatever is said of it and how often.
        (["step.started a/1 //s", "step.completed a/1 //s", "compensation.completed a/1 //s"], []),
        # Others may speak of what is known, up to twice the number; and of the saga itself.
        (["step.started a/1 //s", "step.started a/2 //s", "step.completed a/1 //t"], []),
        (["step.started a/1 //s", "step.started a/2 //s", "saga.completed - //o", "saga.note - //o"], []),
        ([f"step.started a/1 //{source}" for source in range(6)], [4, 5]),
        ([f"saga.note - //{source}" for source in range(6)], [4, 5]),
        # Then there is no room for executions either.
        ([*(f"saga.note - //{source}" for source in range(4)), "step.started a //1"], [4]),
    ],
)
def test_what_there_is_no_room_for(words: list[str], left: list[int]) -> None:
    assert [each.id for each in bounding.beyond(held(*words), 2)] == [f"e-{number}" for number in left]


spoken = st.lists(
    st.sampled_from([f"{s}:{k}" for s in "abcd" for k in ("S", "C", "F", "K+", "K-")]), max_size=12
)


@given(spoken)
def test_no_word_takes_less_text_than_is_reckoned_with(words: list[str]) -> None:
    known = facts.merge(Facts(), say(" ".join(["saga.started", *words]), source="s"))
    number = sum(map(len, facts.speakers(known).values()))
    assert number == len({word[0] for word in words}) + 1
    assert len(facts.encode(known)) >= number * facts.LEAST


# Three steps, three executions, two sources, and the saga itself: at most 20 to tell apart.
WORDS = [
    *(
        f"{kind} {step}/{execution} //{source}"
        for kind in ("step.started", "step.completed", "compensation.completed")
        for step in "ab"
        for execution in "123"
        for source in "st"
    ),
    *(f"saga.completed - //{source}" for source in "st"),
]


@given(words=st.lists(st.sampled_from(WORDS), max_size=15), cuts=st.lists(st.integers(0, 15), max_size=3))
@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_is_taken_once_there_is_room(
    shop: Participant, settings: Any, words: list[str], cuts: list[int]
) -> None:
    settings.SAGA_MAX_EXECUTIONS = 3
    for model in (Event, Saga, Quarantined):
        model.objects.all().delete()
    told = [event(each, number) for number, each in enumerate(words)]
    places = [0, *sorted(cuts), len(told)]
    outcomes = "".join(take(shop, *told[start:end]) for start, end in pairwise(places) if start < end)
    assert set(outcomes) <= {"S", "Q"}
    # Nothing that was taken is refused when it comes again, nor counted twice.
    assert take(shop, *told) == outcomes.replace("S", "D")
    for saga in Saga.objects.all():
        taken = facts.decode(saga.facts)
        assert (saga.revision, saga.redeliveries) == (outcomes.count("S"), outcomes.count("S"))
        assert sum(map(len, facts.speakers(taken).values())) <= 6
        ingest.refold([saga.pk], NOW)
        assert facts.decode(Saga.objects.get().facts) == taken
    settings.SAGA_MAX_EXECUTIONS = 100
    waiting = list(Quarantined.objects.values_list("pk", flat=True))
    quarantine.replay(waiting, ME)
    assert not Quarantined.objects.filter(state="open").exists()
    take(shop, *(event(each, number, "whole") for number, each in enumerate(words)))
    for saga in Saga.objects.filter(saga_id="o-1"):
        assert facts.decode(saga.facts) == facts.decode(Saga.objects.get(saga_id="whole").facts)


def test_it_is_quarantined_with_the_reason_and_refused_again_while_there_is_no_room(
    shop: Participant, settings: Any
) -> None:
    settings.SAGA_MAX_EXECUTIONS = 1
    batch = [
        event("step.started a/1 //s", 1),
        event("step.started a/2 //s", 2),
        event("saga.note - //s", 3, "o-2"),
    ]
    results = ingest.store([*batch, batch[1], batch[0]], participant=shop, now=NOW)
    assert "".join(result.outcome[0] for result in results) == "sqsqd"
    assert (results[1].reason, results[1].saga_pk) == ("saga_too_large", None)
    assert results[1].detail.startswith(
        "The saga order o-1 has the most step executions that one may have, 1"
    )
    assert list(Saga.objects.order_by("pk").values_list("revision", "redeliveries")) == [(1, 1), (1, 0)]
    first, second = Quarantined.objects.order_by("pk")
    assert (bytes(first.body), first.reason) == (batch[1].raw, "saga_too_large")
    # A batch of nothing else leaves the saga as it is.
    assert take(shop, batch[1]) == "Q"
    assert quarantine.replay([first.pk, second.pk], ME) == Replayed(0, 2, 0)
    assert set(Quarantined.objects.values_list("state", "reason")) == {("open", "saga_too_large")}
    settings.SAGA_MAX_EXECUTIONS = 2
    assert quarantine.replay([first.pk, second.pk], ME) == Replayed(2, 0, 0)
    assert list(Saga.objects.order_by("pk").values_list("revision", "redeliveries")) == [(2, 2), (1, 0)]


def test_an_id_that_is_known_is_a_duplicate_whatever_it_tells(shop: Participant, settings: Any) -> None:
    settings.SAGA_MAX_EXECUTIONS = 1
    assert take(shop, event("step.started a/1 //s", 1)) == "S"
    assert take(shop, event("step.started a/2 //s", 1), event("step.started a/2 //s", 2)) == "DQ"


def test_what_amends_itself_records_always_has_room(shop: Participant, settings: Any) -> None:
    settings.SAGA_MAX_EXECUTIONS = 1
    take(shop, event("step.started a/1 //s", 1))
    for number, words in enumerate(["operator.repair_started -", "operator.step_completed b/7"]):
        [result] = ingest.store([event(f"{words} amends", number)], participant=None, now=NOW)
        assert result.outcome == "stored"


MAPPED = """
type: TYPE
version: "1"
steps: [{name: ship, kind: pivot}]
events: [{type: com.shipped, kind: step.completed, saga: event.data.order, step: ship, execution: event.id}]
"""


def test_a_foreign_event_may_have_room_in_one_saga_and_not_in_the_other(
    shop: Participant, settings: Any
) -> None:
    settings.SAGA_MAX_EXECUTIONS = 2
    definitions.load(MAPPED.replace("TYPE", "order"), "x.yaml", ME)
    definitions.load(MAPPED.replace("TYPE", "parcel").replace("event.id", "'1'"), "x.yaml", ME)
    bodies = [
        b'{"specversion": "1.0", "id": "e-%d", "source": "//s", "type": "com.shipped", "data": {"order": 1}}'
        % number
        for number in range(3)
    ]
    found = [events.read(body, now=NOW, largest=999) for body in bodies]
    results = ingest.store(found, participant=shop, now=NOW)
    assert [(result.outcome, result.reason) for result in results] == [
        ("stored", ""),
        ("stored", ""),
        ("stored", "saga_too_large"),
    ]
    assert [each.outcome for each in results[2].mapped] == ["quarantined", "stored"]
    row = Quarantined.objects.get()
    assert bytes(row.body) == bodies[2]
    assert ingest.store(found[2:], participant=shop, now=NOW)[0].outcome == "duplicate"
    settings.SAGA_MAX_EXECUTIONS = 3
    assert quarantine.replay([row.pk], ME) == Replayed(1, 0, 0)
    assert dict(Saga.objects.values_list("saga_type", "revision")) == {"order": 3, "parcel": 3}
    assert not ForeignType.objects.exists()
