"""Accepting by the API: what it answers, and that it refuses what was not looked at."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from console.permissions import Role
from sagas.models import AuditEntry, Finding, Saga
from tests.console import world
from tests.console.cast import person, post

pytestmark = pytest.mark.django_db

SICK = "sagas/order/o%2F1"


@pytest.fixture
def built() -> world.World:
    return world.build()


@pytest.fixture
def client() -> Client:
    return person("otto", Role.OPERATOR).program


def get(client: Client, address: str) -> Any:
    answer = client.get(f"/api/v1/{address}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_finding(built: world.World, client: Client) -> None:
    (seen,) = get(client, SICK)["findings"]
    assert (seen["accepted"], seen["open"]) == (None, True)
    assert seen["advice"].startswith("Ask the participant what became of it")
    answer = post(
        client, f"{SICK}/findings/{seen['id']}/accept", {"reason": "OPS-1", "digest": seen["digest"]}
    )
    assert answer.status_code == 200
    accepted = answer.json()
    assert (accepted["accepted"]["by"], accepted["accepted"]["reason"]) == ("otto", "OPS-1")
    assert accepted["digest"] != seen["digest"]
    assert [(turn["what"], turn["by"]) for turn in accepted["transitions"]] == [("accepted", "otto")]
    saga = get(client, SICK)
    assert (saga["condition"], saga["findings"][0]["open"]) == ("healthy", True)
    problem = get(client, f"problems/{built.problem.pk}")
    assert (problem["open_count"], problem["accepted_count"]) == (0, 2)
    assert problem["closed_at"] is not None
    assert get(client, f"sagas?problem={built.problem.pk}")["results"] == []


def test_withdrawing(built: world.World, client: Client) -> None:
    answer = post(client, f"sagas/order/o-2/findings/{built.accepted.pk}/withdraw")
    assert (answer.status_code, answer.json()["accepted"]) == (200, None)
    assert Saga.objects.get(saga_id="o-2").condition == "in_doubt"
    again = post(client, f"sagas/order/o-2/findings/{built.accepted.pk}/withdraw")
    assert (again.status_code, again.json()["code"]) == (409, "not_accepted")


def test_all_of_a_problem(built: world.World, client: Client) -> None:
    seen = get(client, f"problems/{built.problem.pk}")
    body = {"reason": "OPS-1", "count": seen["open_count"], "digest": seen["digest"]}
    answer = post(client, f"problems/{built.problem.pk}/accept", body)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "left": 0})
    assert get(client, "problems?open=true")["results"] == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"reason": ""}, 400, "invalid"),
        ({"reason": " "}, 400, "invalid"),
        ({"digest": "0" * 64}, 409, "changed"),
        ({"count": 2}, 409, "changed"),
        ({"count": 0}, 400, "invalid"),
        ({"all": True}, 400, "invalid"),
    ],
)
def test_what_is_refused_for_a_problem(
    change: dict[str, Any], status: int, code: str, built: world.World, client: Client
) -> None:
    seen = get(client, f"problems/{built.problem.pk}")
    body = {"reason": "OPS-1", "count": 1, "digest": seen["digest"]} | change
    answer = post(client, f"problems/{built.problem.pk}/accept", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json().get("open_count", 1) == 1
    assert not Finding.objects.get(pk=built.finding.pk).is_accepted
    assert not AuditEntry.objects.filter(action__endswith="accepted").exists()


def test_what_was_not_looked_at_is_refused(built: world.World, client: Client) -> None:
    address = f"{SICK}/findings/{built.finding.pk}/accept"
    answer = post(client, address, {"reason": "OPS-1", "digest": "0" * 64})
    assert (answer.status_code, answer.json()["code"]) == (409, "changed")
    digest = get(client, SICK)["findings"][0]["digest"]
    assert post(client, address, {"reason": "mine", "digest": digest}).status_code == 200
    late = post(client, address, {"reason": "OPS-1", "digest": digest})
    assert (late.status_code, late.json()["code"], late.json()["by"]) == (409, "not_open", "otto")


def test_a_finding_of_another_saga_is_not_found(built: world.World, client: Client) -> None:
    body = {"reason": "OPS-1", "digest": "0" * 64}
    answer = post(client, f"sagas/order/o-2/findings/{built.finding.pk}/accept", body)
    assert answer.status_code == 404
    assert post(client, f"{SICK}/findings/{2**64}/accept", body).status_code == 404


def test_what_is_at_stake_is_told_exactly(built: world.World, client: Client) -> None:
    Finding.objects.filter(pk=built.finding.pk).update(stake=Decimal("49.90"), currency="EUR")
    built.problem.stakes.create(currency="EUR", amount=Decimal("49.90"))
    built.problem.stakes.create(currency="USD", amount=0)
    (finding,) = get(client, SICK)["findings"]
    assert finding["stake"] == {"amount": "49.9", "currency": "EUR"}
    assert get(client, "problems")["results"][0]["stakes"] == [{"amount": "49.9", "currency": "EUR"}]
    assert get(client, "problems?severity=note")["results"] == []
