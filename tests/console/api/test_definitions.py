"""Definitions by the API: loaded, with how far they have come to the sagas that were there before them."""

import pytest

from console.permissions import Role
from sagas.ingest import adopting
from sagas.models import Adoption, Saga
from tests.console.cast import Person, person
from tests.sagas.storing import ORDER, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Person:
    return person("ada", Role.ADMIN)


def load(ada: Person) -> dict[str, object]:
    answer = ada.program.post("/api/v1/definitions", ORDER, content_type="application/yaml")
    assert answer.status_code in {200, 201}
    told: dict[str, object] = answer.json()["adoption"]
    return told


def test_a_few_sagas_have_it_with_the_answer(ada: Person) -> None:
    put("saga.started charge:S")
    told = load(ada)
    assert told.pop("finished_at")
    assert told == {"state": "done", "total": 1, "looked_at": 1, "adopted": 1, "failed": 0}
    assert Saga.objects.get().definition


def test_how_far_it_is_with_many_is_told(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(202):
        put("saga.started", f"o-{number}")
    monkeypatch.setattr(adopting, "PATIENCE", 0)
    assert load(ada) == {
        "state": "running",
        "total": 202,
        "looked_at": 200,
        "adopted": 200,
        "failed": 0,
        "finished_at": None,
    }
    adopting.go_on()
    told = ada.program.get("/api/v1/definitions/order/1").json()["adoption"]
    assert (told["state"], told["adopted"]) == ("done", 202)
    assert Adoption.objects.get().finished_at
