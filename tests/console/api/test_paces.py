"""How fast a participant is called in repairs of many sagas, as a program reads and sets it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from compensation.models import Pace
from console.permissions import Role
from sagas import participants
from sagas.audit import Actor
from sagas.models import AuditEntry, Participant
from tests.console.cast import Person, json, person

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/participants/payment/pace"
USUAL = {"at_once": 16, "per_second": None, "closed_until": None, "because": ""}


@pytest.fixture
def ada() -> Person:
    return person("ada", Role.ADMIN)


@pytest.fixture
def payment() -> Participant:
    return participants.create("payment", Actor.system())


def put(who: Person, body: Any) -> Any:
    return who.program.put(ADDRESS, json(body), content_type="application/json")


def test_it_is_as_usual_until_an_admin_says_else(payment: Participant, ada: Person) -> None:
    assert ada.program.get(ADDRESS).json() == USUAL and not Pace.objects.exists()
    chosen = {"at_once": 4, "per_second": 2.5}
    for _ in range(2):
        assert put(ada, chosen).json() == USUAL | chosen
    assert ada.program.get(ADDRESS).json() == USUAL | chosen
    entry = AuditEntry.objects.get(action="participant.pace_chosen")
    assert (entry.actor_kind, entry.actor, entry.object_id) == ("token", "ada", "payment")
    assert (entry.before, entry.after) == ({"at_once": 16, "per_second": None}, chosen)
    assert put(ada, {}).json() == USUAL
    assert ada.program.get("/api/v1/participants/nobody/pace").status_code == 404


def test_one_that_is_left_alone_says_until_when_and_why(payment: Participant, ada: Person) -> None:
    until = timezone.now().replace(microsecond=0) + timedelta(minutes=1)
    Pace.objects.create(participant=payment, closed_until=until, because="429: slow down")
    told = ada.program.get(ADDRESS).json()
    assert told["closed_until"] == until.isoformat().replace("+00:00", "Z")
    assert told["because"] == "429: slow down"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"at_once": 0}, "at_once"),
        ({"at_once": 257}, "at_once"),
        ({"at_once": None}, "at_once"),
        ({"per_second": 0}, "per_second"),
        ({"per_second": "nan"}, "per_second"),
        ({"per_second": 1e9}, "per_second"),
        ({"hurry": True}, "hurry"),
    ],
)
def test_what_is_no_pace_is_refused_by_field(
    payment: Participant, ada: Person, body: dict[str, Any], field: str
) -> None:
    answer = put(ada, body)
    assert answer.status_code == 400 and field in answer.json()["detail"]
    assert (
        not Pace.objects.exists() and not AuditEntry.objects.filter(action="participant.pace_chosen").exists()
    )
