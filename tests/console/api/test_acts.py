"""What the API lets people do: through the domain's own functions, in their name, in the audit log."""

from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from console.permissions import Role
from sagas import ingest, participants
from sagas.models import AuditEntry, Definition, Participant, Quarantined
from sagas.vocabulary import Kind
from tests.console import world
from tests.console.cast import Person, person, post
from tests.console.matrix import NEW_DEFINITION

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def built() -> world.World:
    return world.build()


@pytest.fixture
def ada() -> Person:
    return person("ada", Role.ADMIN)


def newest() -> AuditEntry:
    return AuditEntry.objects.latest("sequence")


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
    ids = [built.quarantined.pk, built.quarantined.pk + 1000]
    assert post(ada.program, "quarantine/replay", {"ids": ids}).json() == {
        "taken": 0,
        "refused": 1,
        "gone": 1,
    }
    built.quarantined.refresh_from_db()
    assert built.quarantined.replays == 1
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
