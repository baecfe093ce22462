"""`GET /api/v1/sagas/{type}/{id}`: the contract that other people's checks rely on."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from console.permissions import Role
from sagas import ingest
from sagas.models import Finding
from sagas.vocabulary import Kind
from tests.console import world
from tests.console.cast import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return person("vera", Role.VIEWER).program


@pytest.fixture
def built() -> world.World:
    return world.build()


def get(client: Client, address: str) -> dict[str, Any]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_a_saga(client: Client, built: world.World) -> None:
    saga = get(client, "/api/v1/sagas/order/o%2F1")
    assert {
        name: saga[name] for name in ("type", "id", "status", "condition", "open_effects", "unknown_effects")
    } == {
        "type": "order",
        "id": "o/1",
        "status": "running",
        "condition": "in_doubt",
        "open_effects": ["reserve-stock"],
        "unknown_effects": ["ship-parcel"],
    }
    # Four were sent, and one was recorded when the repair started.
    assert (saga["revision"], saga["events"]) == (5, 5)
    assert [
        {name: step[name] for name in ("name", "state", "attempts", "participant")} for step in saga["steps"]
    ] == [
        {"name": "reserve-stock", "state": "completed", "attempts": 1, "participant": "inventory"},
        {"name": "ship-parcel", "state": "running", "attempts": 1, "participant": "shipping"},
    ]
    assert [
        {name: found[name] for name in ("code", "step", "severity", "open")} for found in saga["findings"]
    ] == [{"code": "step_in_doubt", "step": "ship-parcel", "severity": "error", "open": True}]
    assert saga["findings"][0]["evidence"] == [
        {"source": "//shop/ship-parcel", "id": "o/1 step.started ship-parcel"}
    ]
    assert (saga["version"], saga["title"], saga["waiting_on"]) == ("1", "Order fulfilment", "ship-parcel")
    assert (saga["keys"], saga["display"]) == ({"order": "8492"}, {"total": "49.90 EUR"})
    assert saga["url"] == "http://127.0.0.1:8000/sagas/order/o%2F1/"
    reserved, shipped = saga["steps"]
    assert reserved["started_at"] < reserved["finished_at"] < shipped["started_at"] < shipped["deadline_at"]
    assert shipped["finished_at"] is None


def test_a_deadline_that_passes_makes_an_effect_unknown_with_no_event(client: Client) -> None:
    shipping = world.build().shipping
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        ingest.store([world.told("o-3", Kind.STEP_STARTED, "ship-parcel", ago=0)], participant=shipping)
    with time_machine.travel(now + timedelta(seconds=9)):
        assert get(client, "/api/v1/sagas/order/o-3")["unknown_effects"] == []
    with time_machine.travel(now + timedelta(seconds=11)):
        assert get(client, "/api/v1/sagas/order/o-3")["unknown_effects"] == ["ship-parcel"]


def test_a_saga_that_nobody_described(client: Client, built: world.World) -> None:
    event = world.told("x", Kind.STEP_COMPLETED, "wash", ago=1)
    event.saga_type = "laundry"
    ingest.store([event], participant=built.shipping)
    saga = get(client, "/api/v1/sagas/laundry/x")
    assert (saga["version"], saga["title"], saga["keys"], saga["display"]) == (None, "laundry", {}, {})
    assert (saga["status"], saga["open_effects"]) == ("running", ["wash"])
    (step,) = saga["steps"]
    assert (step["name"], step["kind"], step["participant"]) == ("wash", None, "shipping")


def test_open_findings_come_first(client: Client, built: world.World) -> None:
    finding = built.finding
    Finding.objects.create(
        saga=built.saga,
        problem=built.problem,
        code="saga_stalled",
        condition="stuck",
        severity="error",
        since=finding.since,
        opened_at=finding.opened_at,
        closed_at=timezone.now(),
    )
    saga = get(client, "/api/v1/sagas/order/o%2F1")
    assert [(found["code"], found["open"]) for found in saga["findings"]] == [
        ("step_in_doubt", True),
        ("saga_stalled", False),
    ]


def test_its_events_in_order_with_their_payload_to_the_letter(client: Client, built: world.World) -> None:
    answer = client.get("/api/v1/sagas/order/o-2/events?limit=3")
    assert b'"data":{"order_id": 8492, "total": {"amount": 49.90, "currency": "EUR"}}' in answer.content
    page = answer.json()
    assert [(event["type"], event["step"]) for event in page["results"]] == [
        ("saga.started", ""),
        ("step.started", "reserve-stock"),
        ("step.completed", "reserve-stock"),
    ]
    assert page["results"][0]["participant"] == "shipping"
    rest = get(client, page["next"])
    assert [event["type"] for event in rest["results"]] == ["step.started"]
    assert rest["next"] is None
    assert get(client, rest["previous"])["results"] == page["results"]


def test_the_events_of_no_saga(client: Client, built: world.World) -> None:
    answer = client.get("/api/v1/sagas/order/none/events")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_saga_costs_the_same_however_long_its_story(
    client: Client, built: world.World, django_assert_num_queries: Any
) -> None:
    get(client, "/api/v1/sagas/order/o-2")
    # The token, the user's groups, the saga, its keys, its findings, their turns, what is normal.
    with django_assert_num_queries(7):
        get(client, "/api/v1/sagas/order/o-2")
