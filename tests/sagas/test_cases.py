"""Public sagas with known outcomes (tests/cases), in any order, with and without times, in any batches."""

import json
import random
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import facts, fold, ingest
from sagas.detection import judge
from sagas.detection.sweep import sweep
from sagas.events import Incoming
from sagas.facts import Facts, Observed
from sagas.fold import SECOND
from sagas.models import Finding, Participant, Saga
from sagas.vocabulary import Code, Condition, Kind, Status, StepState
from tests.sagas.saying import START

CASES = sorted((Path(__file__).parent.parent / "cases").glob("*.json"))
every_case = pytest.mark.parametrize(
    "case", [json.loads(path.read_text()) for path in CASES], ids=lambda case: case["scenario"]
)

# Past every default deadline.
LATER = timedelta(days=1)


def events_of(case: dict[str, Any]) -> list[dict[str, Any]]:
    return [event for event in case["events"] if event["kind"] != "notification"]


def identity(event: dict[str, Any]) -> str:
    return str(event.get("message_id") or event.get("id") or event["seq"])


def observed(events: Iterable[dict[str, Any]], *, timed: bool) -> list[Observed]:
    """Without times the order of arrival stands in. Redeliveries are left out, as the store does."""
    found: dict[tuple[str, str], Observed] = {}
    for place, event in enumerate(events):
        found.setdefault(
            (event["service"], identity(event)),
            Observed(
                source=event["service"],
                event_id=identity(event),
                kind=Kind(event["kind"]),
                time=START + (event["seq"] if timed else place) * SECOND,
                time_given=timed,
                step=event["step"] or "",
                participant=event["service"],
            ),
        )
    return list(found.values())


def assert_outcome(case: dict[str, Any], state: fold.State, codes: set[str], condition: Condition) -> None:
    expected = case["expected"]
    match expected["saga_outcome"]:
        case "completed" | "compensated" | "running" as status:
            assert state.status == Status(status)
            assert condition == Condition.HEALTHY, codes
        case "compensation_failed":
            assert condition == Condition.COMPENSATION_FAILED
        case "inconsistent":
            assert condition == Condition.INCONSISTENT
        case "needs_operator":
            assert condition != Condition.HEALTHY
        case other:
            raise AssertionError(f"no rule for {other}")
    # Which step came first nothing tells where nobody gave a time.
    for told, effects in (("open_effects", state.open_effects), ("unknown_effects", state.unknown_effects)):
        if told in expected:
            assert sorted(effects) == sorted(expected[told])
    assert codes >= set(Code) & set(expected.get("anomalies", ()))
    for name, word in expected.get("steps", {}).items():
        if word == "unknown":
            assert name in state.unknown_effects
        else:
            assert state.step(name).state == StepState(word)


def assert_holds(case: dict[str, Any], batches: Iterable[list[Observed]]) -> None:
    known = Facts()
    for batch in batches:
        known = facts.decode(facts.encode(facts.merge(known, batch)))
    now = facts.moment(known.last) + LATER
    state = fold.derive(known, None, now)
    verdicts = judge.judge(state, None, now)
    assert_outcome(case, state, {verdict.code for verdict in verdicts}, judge.worst(verdicts))


def test_all_cases_are_here() -> None:
    assert len(CASES) == 30


@every_case
@pytest.mark.parametrize("timed", [True, False])
def test_in_the_given_order(case: dict[str, Any], timed: bool) -> None:
    events = observed(events_of(case), timed=timed)
    assert_holds(case, [events])
    assert_holds(case, [[event] for event in events])


@every_case
@given(data=st.data())
def test_in_any_other_order(case: dict[str, Any], data: st.DataObject) -> None:
    events = data.draw(st.permutations(events_of(case)))
    arrived = observed(events, timed=data.draw(st.booleans()))
    cut = data.draw(st.integers(0, len(arrived)))
    assert_holds(case, [arrived[:cut], arrived[cut:]])


def stored(
    case: dict[str, Any], events: Iterable[dict[str, Any]], *, timed: bool
) -> list[tuple[str, Incoming]]:
    return [
        (
            event["service"],
            Incoming(
                source=event["service"],
                id=identity(event),
                kind=Kind(event["kind"]),
                saga_type=case["saga_type"],
                saga_id="case",
                step=event["step"] or "",
                time=facts.moment(START + event["seq"] * SECOND) if timed else None,
            ),
        )
        for event in events
    ]


@every_case
@pytest.mark.django_db
@pytest.mark.parametrize("timed", [True, False], ids=["timed", "untimed"])
@pytest.mark.parametrize("order", ["given", "shuffled"])
@pytest.mark.parametrize("batch", ["whole", "one by one"])
def test_through_the_database(case: dict[str, Any], timed: bool, order: str, batch: str) -> None:
    """Stored by the one way in and found by the sweep, which also runs between the batches."""
    events = events_of(case)
    if order == "shuffled":
        random.Random(case["scenario"]).shuffle(events)
    now = facts.moment(START + 100 * SECOND)
    participants = {name: Participant.objects.create(name=name) for name in {e["service"] for e in events}}
    arrivals = stored(case, events, timed=timed)
    if batch == "whole":
        for name, participant in sorted(participants.items()):
            mine = [event for service, event in arrivals if service == name]
            ingest.store(mine, participant=participant, now=now)
    else:
        for place, (service, event) in enumerate(arrivals):
            moment = now + timedelta(seconds=place)
            ingest.store([event], participant=participants[service], now=moment)
            sweep(moment)
    sweep(now + LATER)
    saga = Saga.objects.get()
    state = fold.derive(facts.decode(saga.facts), None, now + LATER)
    assert (saga.status, saga.open_effects, saga.unknown_effects) == (
        state.status,
        state.open_effects,
        state.unknown_effects,
    )
    codes = set(Finding.objects.filter(closed_at=None).values_list("code", flat=True))
    assert_outcome(case, state, codes, Condition(saga.condition))
    assert saga.revision == len({(service, event.id) for service, event in arrivals})
    assert saga.redeliveries == len(arrivals) - saga.revision
