"""Foreign types by the API: listed, narrowed, replayed; and what a loaded definition offers."""

import json

import pytest

from console.permissions import Role
from sagas import replays
from sagas.models import ForeignType, Quarantined
from tests.console import world
from tests.console.cast import Person, person, post

pytestmark = pytest.mark.django_db

MAPS = """\
type: parcel
version: "1"
events:
  - {type: "Order*", kind: saga.started, saga: event.data.order}
"""


@pytest.fixture
def ada() -> Person:
    return person("ada", Role.ADMIN)


@pytest.fixture
def built() -> world.World:
    return world.build()


def test_types_are_listed_with_what_is_kept_of_them(ada: Person, built: world.World) -> None:
    told = ada.program.get("/api/v1/quarantine/types").json()["results"]
    assert [(row["participant"], row["type"], row["count"], row["kept"], row["dropped"]) for row in told] == [
        ("shipping", "OrderLost", 1, 1, 0),
        ("shipping", "OrderShipped", 1, 1, 0),
    ]
    assert told[0]["mapped_by"] == []
    narrowed = ada.program.get("/api/v1/quarantine/types?type=OrderLost&participant=shipping").json()
    assert len(narrowed["results"]) == 1


def test_the_quarantine_is_narrowed_by_type(ada: Person, built: world.World) -> None:
    told = ada.program.get("/api/v1/quarantine?type=OrderShipped").json()["results"]
    assert [(row["type"], row["reason"]) for row in told] == [("OrderShipped", "orphan_event")]
    whole = ada.program.get("/api/v1/quarantine").json()["results"]
    assert [row["type"] for row in whole] == ["OrderLost", "OrderShipped", None]
    one = ada.program.get(f"/api/v1/quarantine/{told[0]['id']}").json()
    assert json.loads(one["body"])["type"] == one["type"] == "OrderShipped"


def test_a_definition_offers_what_it_would_take_and_replays_nothing(ada: Person, built: world.World) -> None:
    answer = ada.program.post("/api/v1/definitions", MAPS, content_type="application/yaml").json()
    assert [(row["type"], row["kept"], row["mapped_by"]) for row in answer["waiting"]] == [
        ("OrderShipped", 1, ["parcel"]),
        ("OrderLost", 1, ["parcel"]),
    ]
    assert Quarantined.objects.filter(state="open").count() == 3
    newer = MAPS.replace('"1"', '"2"').replace("Order*", "Parcel*")
    ada.program.post("/api/v1/definitions", newer, content_type="application/yaml")
    assert ada.program.get("/api/v1/definitions/parcel/1").json()["waiting"] == []


def test_a_type_is_replayed_and_can_be_followed(ada: Person, built: world.World) -> None:
    ada.program.post("/api/v1/definitions", MAPS, content_type="application/yaml")
    address = f"quarantine/types/{built.foreign_type.pk}/replay"
    answer = post(ada.program, address)
    started = answer.json()
    assert (answer.status_code, started["state"], started["total"]) == (202, "running", 1)
    assert post(ada.program, address).json()["id"] == started["id"]
    replays.go_on()
    told = ada.program.get(f"/api/v1/quarantine/replays/{started['id']}").json()
    assert (told["state"], told["taken"], told["refused"], told["gone"]) == ("done", 1, 0, 0)
    assert (told["type"], told["participant"], told["asked_by"]) == ("OrderShipped", "shipping", "ada")
    assert ada.program.get("/api/v1/sagas/parcel/o-2").status_code == 200
    again = post(ada.program, address)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_kept")
    assert ForeignType.objects.get(pk=built.foreign_type.pk).kept == 0
