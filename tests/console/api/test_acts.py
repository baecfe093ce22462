"""What the API lets people do: through the domain's own functions, in their name, in the audit log."""

from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from compensation.models import Repair
from console.permissions import Role
from sagas import ingest, participants
from sagas.models import AuditEntry, Definition, Participant, Quarantined
from sagas.vocabulary import Kind
from tests.console import world
from tests.console.cast import Person, person
from tests.console.matrix import NEW_DEFINITION, started

pytestmark = pytest.mark.django_db
JSON = "application/json"
PINNED = {"reason": "OPS-1", "revision": 1, "plan_hash": "h"}


@pytest.fixture
def built() -> world.World:
    return world.build()


@pytest.fixture
def ada() -> Person:
    return person("ada", Role.ADMIN)


def post(client: Client, address: str, body: Any = None, **more: Any) -> HttpResponse:
    return client.post(f"/api/v1/{address}", body or {}, content_type=JSON, **more)


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


def test_a_participant_its_keys_and_its_secret(ada: Person) -> None:
    body = {"name": "ship/ping ä", "base_url": "http://shipping:8080", "owner": "ops@shop.example"}
    answer = post(ada.program, "participants", body)
    assert answer.status_code == 201
    answer = post(ada.program, "participants", body)
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "body: There is a participant ship/ping ä already.",
    )

    row = Participant.objects.get()
    secret = participants_key(ada, row)
    key = participants.find_by_secret(secret)
    assert key and (key.saga_types, key.created_by) == (["order"], "ada")
    assert ada.program.delete(f"/api/v1/participants/other/keys/{key.pk}").status_code == 404
    assert participants.find_by_secret(secret)


def participants_key(ada: Person, row: Participant) -> str:
    Participant.objects.filter(pk=row.pk).update(name="shipping")
    answer = post(ada.program, "participants/shipping/keys", {"saga_types": ["order"]})
    assert answer.status_code == 201
    told = ada.program.get("/api/v1/participants/shipping").json()
    secret: str = answer.json()["secret"]
    assert secret not in str(told)
    assert [key["prefix"] for key in told["keys"]] == [secret[:10]]
    return secret


def test_a_key_that_is_revoked_opens_nothing(ada: Person, built: world.World) -> None:
    address = f"/api/v1/participants/shipping/keys/{built.key.pk}"
    assert ada.program.delete(address).status_code == 204
    assert participants.find_by_secret(built.secret) is None
    assert (newest().action, newest().actor) == ("participant.key_revoked", "ada")
    before = AuditEntry.objects.count()
    assert ada.program.delete(address).status_code == 204
    assert AuditEntry.objects.count() == before


def test_a_change_leaves_what_it_does_not_name(ada: Person, built: world.World) -> None:
    answer = ada.program.patch(
        "/api/v1/participants/inventory", {"owner": "new@shop.example"}, content_type=JSON
    )
    told = answer.json()
    assert (told["owner"], told["base_url"], told["can_sign"]) == (
        "new@shop.example",
        "http://127.0.0.1:9",
        True,
    )
    answer = ada.program.patch("/api/v1/participants/inventory", {"base_url": "ftp://x"}, content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_a_signing_secret_is_told_once(ada: Person, built: world.World) -> None:
    answer = post(ada.program, "participants/shipping/signing-secret")
    built.shipping.refresh_from_db()
    assert answer.json() == {"secret": participants.signing_secret(built.shipping)}
    assert "whsec_" not in ada.program.get("/api/v1/participants").content.decode()


def load(client: Client, text: str, kind: str = "application/yaml") -> HttpResponse:
    return client.generic("POST", "/api/v1/definitions", text, content_type=kind)


def test_a_definition_is_loaded_once(ada: Person) -> None:
    answer = load(ada.program, NEW_DEFINITION)
    told = answer.json()
    assert (answer.status_code, told["type"], told["version"], told["loaded_by"]) == (
        201,
        "laundry",
        "1",
        "ada",
    )
    assert told["yaml"] == NEW_DEFINITION
    assert load(ada.program, NEW_DEFINITION).status_code == 200
    assert Definition.objects.count() == 1
    assert ada.program.get("/api/v1/definitions/laundry/1").json() == told


def test_a_definition_finds_the_sagas_that_waited_for_it(ada: Person, built: world.World) -> None:
    event = world.told("x", Kind.STEP_COMPLETED, "wash", ago=1)
    event.saga_type = "laundry"
    ingest.store([event], participant=built.shipping)
    load(ada.program, NEW_DEFINITION)
    saga = ada.program.get("/api/v1/sagas/laundry/x").json()
    assert (saga["version"], saga["status"], saga["open_effects"]) == ("1", "completed", [])


def test_a_wrong_definition_says_where(ada: Person) -> None:
    answer = load(ada.program, "type: laundry\nversion: '1'\nsteps:\n  - name: wash\n    kind: magic\n")
    told = answer.json()
    assert (answer.status_code, told["code"]) == (400, "invalid_definition")
    assert (told["errors"][0]["line"], told["errors"][0]["column"]) == (5, 11)
    assert not Definition.objects.exists()


@pytest.mark.parametrize(
    ("text", "kind", "status", "code"),
    [
        ("{}", JSON, 415, "unsupported_media_type"),
        ("\udcff", "application/yaml", 400, "parse_error"),
        ("#" * (1024 * 1024 + 1), "application/yaml", 413, "too_large"),
    ],
)
def test_a_body_that_is_no_definition(ada: Person, text: str, kind: str, status: int, code: str) -> None:
    answer = ada.program.generic(
        "POST", "/api/v1/definitions", text.encode("utf-8", "surrogateescape"), content_type=kind
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_changed_definition_needs_a_new_version(ada: Person) -> None:
    load(ada.program, NEW_DEFINITION)
    answer = load(ada.program, NEW_DEFINITION + "title: Wash\n")
    assert (answer.status_code, answer.json()["errors"][0]["line"]) == (400, 2)
    assert "must be a new one" in answer.json()["detail"]


def test_quarantine_is_replayed(ada: Person, built: world.World) -> None:
    ids = [built.quarantined.pk, built.quarantined.pk + 1]
    assert post(ada.program, "quarantine/replay", {"ids": ids}).json() == {
        "taken": 0,
        "refused": 1,
        "gone": 1,
    }
    assert Quarantined.objects.get().replays == 1
    answer = post(ada.program, "quarantine/replay", {"ids": [0]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "ids.0")
    told = ada.program.get(f"/api/v1/quarantine/{built.quarantined.pk}").json()
    assert (told["body"], told["body_base64"], told["replays"]) == ('{"id": 1}', "eyJpZCI6IDF9", 1)


def test_the_bytes_in_quarantine_need_be_no_text(ada: Person, built: world.World) -> None:
    Quarantined.objects.update(body=b"\xff")
    told = ada.program.get(f"/api/v1/quarantine/{built.quarantined.pk}").json()
    assert (told["body"], told["body_base64"]) == (None, "/w==")


def test_people_manage_their_own_tokens_only(ada: Person) -> None:
    answer = post(ada.browser, "tokens")
    made = answer.json()
    assert answer.status_code == 201
    client = Client(headers={"Authorization": f"Bearer {made['secret']}"})
    assert client.get("/api/v1/sagas").status_code == 200
    assert post(client, "tokens").json()["code"] == "sign_in"
    eve = person("eve", Role.ADMIN)
    assert eve.program.delete(f"/api/v1/tokens/{made['id']}").status_code == 404
    assert made["id"] not in [row["id"] for row in eve.program.get("/api/v1/tokens").json()["results"]]
    assert client.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert client.get("/api/v1/sagas").status_code == 401
    assert [entry.action for entry in AuditEntry.objects.filter(actor="ada")] == [
        "token.revoked",
        "token.issued",
    ]


def test_a_browser_must_mean_it(ada: Person, built: world.World) -> None:
    """Another site's form in a signed-in browser does nothing; a token is sent by no form."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada.user)
    answer = post(client, "participants", {"name": "payment"})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert "CSRF" in answer.json()["detail"]
    client.get("/")
    headers = {"X-CSRFToken": client.cookies["csrftoken"].value}
    assert post(client, "participants", {"name": "payment"}, headers=headers).status_code == 201
    program = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {ada.token}"})
    assert post(program, "participants", {"name": "mail"}).status_code == 201


def test_what_is_recorded_fails_with_the_act(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its audit entry nothing is done."""

    def broken(*args: Any, **more: Any) -> None:
        raise RuntimeError("no entry")

    client = ada.program
    monkeypatch.setattr("sagas.audit.record", broken)
    client.raise_request_exception = False
    with transaction.atomic():
        answer = post(client, "participants", {"name": "payment"})
    assert (answer.status_code, answer.json()["code"]) == (500, "server_error")
    assert not Participant.objects.exists()
