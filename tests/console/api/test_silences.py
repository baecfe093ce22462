"""Silences as a program asks for them, looks at them and ends them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from console.permissions import Role
from sagas.alerts import silences
from sagas.detection.sweep import sweep
from sagas.models import AlertSilence, AuditEntry, Problem
from tests.console.cast import Person, json, person
from tests.sagas.storing import define, put

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/silences"
ORDERS = {"saga_types": ["ord*"], "severities": ["error", "critical"]}


@pytest.fixture
def ada() -> Person:
    return person("ada", Role.OPERATOR)


def post(who: Person, body: Any, address: str = ADDRESS) -> Any:
    return who.program.post(address, json(body), content_type="application/json")


def asked(**changes: Any) -> dict[str, Any]:
    expires_at = (timezone.now() + timedelta(hours=1)).isoformat()
    return {"match": ORDERS, "reason": "deploying shipping", "expires_at": expires_at} | changes


def test_one_is_asked_for_listed_and_ended_once(ada: Person) -> None:
    made = post(ada, asked())
    assert made.status_code == 201
    told = made.json()
    assert (told["match"], told["reason"], told["created_by"]) == (
        ORDERS,
        "deploying shipping",
        "ada",
    )
    (in_force,) = silences.in_force(timezone.now())
    assert in_force.row.pk == told["id"]
    assert [one["id"] for one in ada.program.get(f"{ADDRESS}?in_force=true").json()["results"]] == [
        told["id"]
    ]
    assert ada.program.get(f"{ADDRESS}?in_force=false").json()["results"] == []

    ended = post(ada, {}, f"{ADDRESS}/{told['id']}/end")
    assert ended.status_code == 200 and ended.json()["ended_by"] == told["created_by"]
    assert not silences.in_force(timezone.now())
    assert ada.program.get(f"{ADDRESS}?in_force=true").json()["results"] == []
    again = post(ada, {}, f"{ADDRESS}/{told['id']}/end")
    assert (again.status_code, again.json()["code"]) == (409, "not_in_force")
    assert list(
        AuditEntry.objects.filter(object_kind="silence").order_by("pk").values_list("action", flat=True)
    ) == ["silence.created", "silence.ended"]


def test_a_preview_says_what_it_would_hide_and_hides_nothing(ada: Person) -> None:
    define()
    put("saga.started charge:S charge:C ship:S", "o-1", ago=31)
    sweep()
    problem = Problem.objects.get()
    shown = post(ada, {"match": ORDERS}, f"{ADDRESS}/preview").json()
    assert shown == {"problems": [problem.pk], "alerts": 1}
    other = post(ada, {"match": {"saga_types": ["laundry"]}}, f"{ADDRESS}/preview").json()
    assert other == {"problems": [], "alerts": 0}
    assert not AlertSilence.objects.exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"match": {}}, "at least one condition"),
        ({"match": {"saga_type": "order"}}, "saga_type"),
        ({"match": {"codes": ["no_such_code"]}}, "no_such_code"),
        ({"match": {"saga_types": ["a\0b"]}}, "NUL"),
        ({"match": {"when": "count >"}}, "line 1"),
        ({"match": {"hours": {"from": "09:00", "to": "17:00", "zone": "Mars/Base"}}}, "Mars/Base"),
        ({"reason": " "}, "blank"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "between now and 90 days"),
        ({"expires_at": None}, "null"),
        ({"forever": True}, "no such member"),
    ],
)
def test_what_cannot_be_is_told(ada: Person, changes: dict[str, Any], says: str) -> None:
    refused = post(ada, asked(**changes))
    assert refused.status_code == 400
    assert says in refused.content.decode()
    assert not AlertSilence.objects.exists() and not AuditEntry.objects.filter(object_kind="silence").exists()
