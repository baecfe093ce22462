"""Repairs by the API: previewed, started as previewed, cancelled; and what each refusal tells."""

from typing import Any

import pytest

from compensation.models import Repair
from console.permissions import Role
from sagas import ingest
from sagas.models import AuditEntry
from sagas.vocabulary import Kind
from tests.console import world
from tests.console.cast import Person, person, post
from tests.console.matrix import started

pytestmark = pytest.mark.django_db
PINNED = {"reason": "OPS-1", "revision": 1, "plan_hash": "h"}


@pytest.fixture
def built() -> world.World:
    return world.build()


@pytest.fixture
def ada() -> Person:
    return person("ada", Role.ADMIN)


def newest() -> AuditEntry:
    return AuditEntry.objects.latest("sequence")


def test_a_repair_is_previewed_started_and_cancelled(ada: Person, built: world.World) -> None:
    seen = post(
        ada.program, "sagas/order/o-2/repairs/preview", {"intent": "compensate", "step": "reserve-stock"}
    ).json()
    (action,) = seen["plan"]["actions"]
    assert action["request"]["url"] == "http://127.0.0.1:9/compensations/reserve-stock"
    assert '"reservation": "rs-1"' in action["request"]["body"]
    assert (seen["can_start"], seen["plan"]["refusals"], Repair.objects.count()) == (True, [], 1)

    body = {
        "intent": "compensate",
        "step": "reserve-stock",
        "reason": "OPS-1",
        "revision": seen["revision"],
        "plan_hash": seen["plan_hash"],
    }
    answer = post(ada.program, "sagas/order/o-2/repairs", body)
    repair = answer.json()
    assert (answer.status_code, answer["Location"]) == (201, f"/api/v1/repairs/{repair['id']}")
    assert (repair["state"], repair["started_by"], repair["reason"]) == ("running", "ada", "OPS-1")
    assert repair["saga"] == {"type": "order", "id": "o-2"}
    assert [(each["position"], each["state"], each["attempts"]) for each in repair["actions"]] == [
        (1, "ready", [])
    ]
    entry = newest()
    assert (entry.actor_kind, entry.actor, entry.address) == ("token", "ada", "127.0.0.1")
    assert (entry.action, entry.reason) == ("repair.started", "OPS-1")

    answer = post(ada.program, f"repairs/{repair['id']}/cancel", {"reason": "changed my mind"})
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert (newest().action, newest().reason) == ("repair.cancelled", "changed my mind")
    answer = post(ada.program, f"repairs/{repair['id']}/cancel", {"reason": "again"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_running")
    assert [row["id"] for row in ada.program.get("/api/v1/sagas/order/o-2/repairs").json()["results"]] == [
        repair["id"]
    ]


def test_what_was_cancelled_tells_of_the_event_by_which_it_was_done(ada: Person, built: world.World) -> None:
    repair = post(ada.program, "sagas/order/o-2/repairs", started(built)).json()
    post(ada.program, f"repairs/{repair['id']}/cancel", {"reason": "by hand"})

    def since() -> Any:
        (action,) = ada.program.get(f"/api/v1/repairs/{repair['id']}").json()["actions"]
        return action["confirmed_since"]

    assert since() is None
    undone = world.told("o-2", Kind.COMPENSATION_COMPLETED, "reserve-stock", ago=0)
    ingest.store([undone], participant=built.inventory)
    assert since() == {"source": undone.source, "id": undone.id}


def test_a_saga_that_has_changed_says_what_changed(ada: Person, built: world.World) -> None:
    body = started(built)
    ingest.store([world.told("o-2", Kind.STEP_COMPLETED, "ship-parcel", ago=1)], participant=built.shipping)
    answer = post(ada.program, "sagas/order/o-2/repairs", body)
    told = answer.json()
    assert (answer.status_code, told["code"], answer["Content-Type"]) == (
        409,
        "changed",
        "application/problem+json",
    )
    assert told["revision"] == body["revision"] + 1
    assert told["plan_hash"] != body["plan_hash"] or told["plan"]["warnings"]
    assert [(event["type"], event["step"]) for event in told["events"]] == [("step.completed", "ship-parcel")]
    assert Repair.objects.count() == 1


def test_the_second_of_two_is_told_who_was_first(ada: Person, built: world.World) -> None:
    body = started(built)
    bob = person("bob", Role.OPERATOR)
    assert post(bob.browser, "sagas/order/o-2/repairs", body).status_code == 201
    answer = post(ada.program, "sagas/order/o-2/repairs", body)
    told = answer.json()
    assert (answer.status_code, told["code"], told["by"]) == (409, "already_running", "bob")
    assert told["repair"] == Repair.objects.latest("pk").pk
    assert "bob" in told["detail"]
    entry = AuditEntry.objects.get(actor="bob")
    assert (entry.actor_kind, entry.action) == ("person", "repair.started")


def test_what_cannot_be_started_says_why(ada: Person, built: world.World) -> None:
    seen = post(
        ada.program, "sagas/order/o-2/repairs/preview", {"intent": "retry", "step": "ship-parcel"}
    ).json()
    assert not seen["can_start"]
    body = {"intent": "retry", "step": "ship-parcel", "reason": "OPS-1"}
    body |= {"revision": seen["revision"], "plan_hash": seen["plan_hash"]}
    answer = post(ada.program, "sagas/order/o-2/repairs", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "refused")
    assert answer.json()["refusals"] == seen["plan"]["refusals"] != []


def test_what_was_done_elsewhere_is_recorded(ada: Person, built: world.World) -> None:
    intent = {"intent": "record", "step": "ship-parcel", "outcome": "completed"}
    seen = post(ada.program, "sagas/order/o-2/repairs/preview", intent).json()
    body = {**intent, "reason": "OPS-1", "revision": seen["revision"], "plan_hash": seen["plan_hash"]}
    answer = post(ada.program, "sagas/order/o-2/repairs", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "evidence")
    answer = post(ada.program, "sagas/order/o-2/repairs", {**body, "evidence": "tracking 1Z"})
    assert (answer.status_code, answer.json()["state"]) == (201, "done")
    saga = ada.program.get("/api/v1/sagas/order/o-2").json()
    assert [step["state"] for step in saga["steps"]] == ["completed", "completed"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "intent"),
        ({"intent": "explode"}, "intent"),
        ({"intent": "record", **PINNED}, "outcome"),
        ({"intent": "ask", "outcome": "completed", **PINNED}, "outcome"),
        ({"intent": "ask", "reason": " "}, "reason"),
        ({"intent": "ask", "reason": "a\0b"}, "reason"),
        ({"intent": "ask", "reason": "r", "revision": "x", "plan_hash": "h"}, "revision"),
        ({"intent": "ask", "reason": "r", "revision": 1, "plan_hash": "h", "forse": True}, "forse"),
    ],
)
def test_a_field_that_cannot_be_taken_is_named(
    ada: Person, built: world.World, body: Any, field: str
) -> None:
    answer = post(ada.program, "sagas/order/o-2/repairs", body)
    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert Repair.objects.count() == 1
