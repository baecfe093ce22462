"""POST /api/v1/events: what it takes, what it answers, and what is there afterwards."""

import base64
import json
import threading
from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from sagas import audit, participants
from sagas.models import Event, Hearing, Participant, ParticipantKey, Quarantined, Saga

pytestmark = pytest.mark.django_db

ME = audit.Actor.system()
URL = "/api/v1/events"
ONE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "//shop.example/payment",
    "type": "step.completed",
    "time": "2026-01-01T12:00:00.250Z",
    "correlationid": "order-8492",
    "sagatype": "order-fulfilment",
    "sagastep": "charge-card",
    "data": {"charge_id": "ch-1"},
}


class Sender:
    """A participant's key, and a client that uses it."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.client = Client()

    def post(self, body: Any, content_type: str = ONE, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self.secret}"} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        return self.client.post(URL, content, content_type=content_type, headers=given)


@pytest.fixture
def payment() -> Participant:
    return participants.create("payment", ME)


@pytest.fixture
def sender(payment: Participant) -> Sender:
    return Sender(participants.issue_key(payment, [], ME))


def problem(response: Any) -> dict[str, Any]:
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == response.status_code
    return body


class TestModes:
    def test_structured(self, sender: Sender) -> None:
        response = sender.post(EVENT, f"{ONE}; charset=utf-8")
        assert response.status_code == 200
        assert response.json() == {
            "results": [{"id": "e-1", "source": "//shop.example/payment", "outcome": "stored"}],
            "stored": 1,
            "duplicate": 0,
            "quarantined": 0,
        }
        event = Event.objects.get()
        assert event.data == '{"charge_id": "ch-1"}'
        assert event.participant == Participant.objects.get()
        assert str(event.time) == "2026-01-01 12:00:00.250000+00:00"

    def test_batch_with_every_outcome_in_its_place(self, sender: Sender) -> None:
        sender.post(EVENT)
        body = [EVENT, EVENT | {"id": "e-2"}, {"id": "e-3", "source": "s"}, EVENT | {"id": "e-2"}, 7]
        response = sender.post(body, BATCH)
        assert response.status_code == 200
        answer = response.json()
        assert [result["outcome"] for result in answer["results"]] == [
            "duplicate",
            "stored",
            "quarantined",
            "duplicate",
            "quarantined",
        ]
        assert answer["results"][2] == {
            "id": "e-3",
            "source": "s",
            "outcome": "quarantined",
            "reason": "missing_attribute",
            "detail": "specversion is missing.",
        }
        assert (answer["stored"], answer["duplicate"], answer["quarantined"]) == (1, 2, 2)
        saga = Saga.objects.get()
        assert (saga.revision, saga.redeliveries) == (2, 2)
        assert [bytes(row.body) for row in Quarantined.objects.order_by("pk")] == [
            b'{"id": "e-3", "source": "s"}',
            b"7",
        ]

    def test_binary(self, sender: Sender) -> None:
        headers = {f"ce_{name}": str(value) for name, value in EVENT.items() if name != "data"}
        headers["ce_subject"] = "Euro%20%E2%82%AC%20%F0%9F%98%80"
        headers["ce_sagaattempt"] = "2"
        response = sender.post(b'{"charge_id":  1.10}', "application/json", **headers)
        assert response.json()["stored"] == 1
        event = Event.objects.get()
        assert event.data == '{"charge_id":  1.10}'
        assert event.attempt == 2
        assert event.attributes == {"subject": "Euro € 😀", "datacontenttype": "application/json"}

    def test_binary_with_a_payload_that_is_no_json(self, sender: Sender) -> None:
        headers = {f"ce_{name}": str(value) for name, value in EVENT.items() if name != "data"}
        assert sender.post(b"\x00\xff", "image/png", **headers).json()["stored"] == 1
        event = Event.objects.get()
        assert event.data is not None
        assert base64.b64decode(json.loads(event.data)) == b"\x00\xff"
        assert event.attributes == {"datacontenttype": "image/png", "dataencoding": "base64"}

    def test_the_same_event_in_any_mode_is_the_same(self, sender: Sender) -> None:
        headers = {f"ce_{name}": str(value) for name, value in EVENT.items() if name != "data"}
        assert sender.post(EVENT).json()["stored"] == 1
        assert sender.post([EVENT], BATCH).json()["duplicate"] == 1
        assert sender.post(b"{}", "application/json", **headers).json()["duplicate"] == 1

    def test_an_empty_batch_is_taken(self, sender: Sender) -> None:
        assert sender.post([], BATCH).json() == {"results": [], "stored": 0, "duplicate": 0, "quarantined": 0}


class TestRefusals:
    @pytest.mark.parametrize(
        "authorization",
        [
            None,
            "",
            "Bearer",
            "Bearer ",
            "Basic YTpi",
            "Bearer amp_unknown",
            "Bearer amd_token",
            "Bearer amp_\xff",
        ],
    )
    def test_without_a_known_key_nobody_gets_in(self, authorization: str | None) -> None:
        headers = {} if authorization is None else {"Authorization": authorization}
        response = Client().post(URL, b"not even json", content_type="text/plain", headers=headers)
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == 'Bearer realm="amends"'
        assert problem(response)["code"] == "not_authenticated"

    def test_a_revoked_key_is_refused_at_once(self, sender: Sender) -> None:
        assert sender.post(EVENT).status_code == 200
        participants.revoke(ParticipantKey.objects.get(), ME)
        assert problem(sender.post(EVENT | {"id": "e-2"}))["status"] == 401
        assert Event.objects.count() == 1

    def test_the_scheme_is_not_case_sensitive(self, sender: Sender) -> None:
        headers = {"Authorization": f"bearer {sender.secret}"}
        response = Client().post(URL, json.dumps(EVENT), content_type=ONE, headers=headers)
        assert response.status_code == 200

    @pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options"])
    def test_other_methods(self, method: str) -> None:
        response = getattr(Client(), method)(URL)
        assert response["Allow"] == "POST"
        assert problem(response)["status"] == 405

    @pytest.mark.parametrize(
        "content_type",
        ["application/json", "", "text/plain", "application/cloudevents+xml", "application/cloudevents"],
    )
    def test_other_content_types_are_told_what_is_taken(self, sender: Sender, content_type: str) -> None:
        response = sender.post(EVENT, content_type)
        assert response["Accept"] == f"{ONE}, {BATCH}"
        told = problem(response)
        assert told["status"] == 415
        assert BATCH in told["detail"]

    def test_a_compressed_body(self, sender: Sender) -> None:
        told = problem(sender.post(EVENT, Content_Encoding="gzip"))
        assert (told["status"], told["detail"]) == (
            415,
            "The Content-Encoding gzip is not taken. Send the body as it is.",
        )

    @pytest.mark.parametrize(
        ("body", "content_type", "byte"),
        [
            (b" ", ONE, 1),
            (b" ", BATCH, 1),
            (b'{"a": }', ONE, 6),
            (b'[{"a": 1}, {"b": ]', BATCH, 17),
            (b'[{"a": 1}, {"b": }]', BATCH, 17),
            (b'[{"a": 1}', BATCH, 9),
            (b'[{"a": 1}] x', BATCH, 11),
            (b'{"a": NaN}', ONE, 6),
            (b'[{"a": "\\ud800"}, {"b": ]', BATCH, 24),
            (b"[" * 1000, BATCH, 1000),
            (b"{} {}", ONE, 3),
        ],
    )
    def test_malformed_json_is_told_with_its_byte(
        self, sender: Sender, body: bytes, content_type: str, byte: int
    ) -> None:
        told = problem(sender.post(body, content_type))
        assert (told["status"], told["code"], told["byte"]) == (400, "malformed", byte)

    def test_malformed_json_in_binary_mode(self, sender: Sender) -> None:
        headers = {f"ce_{name}": str(value) for name, value in EVENT.items() if name != "data"}
        told = problem(sender.post(b'{"a": }', "application/json", **headers))
        assert (told["status"], told["byte"]) == (400, 6)

    @pytest.mark.parametrize(
        ("body", "content_type", "words"),
        [
            (EVENT, BATCH, "A batch must be a JSON array"),
            ([EVENT], ONE, BATCH),
            (7, ONE, "must be a JSON object"),
        ],
    )
    def test_json_of_the_wrong_shape(self, sender: Sender, body: Any, content_type: str, words: str) -> None:
        told = problem(sender.post(body, content_type))
        assert told["status"] == 400
        assert words in told["detail"]

    def test_too_many_bytes(self, sender: Sender, settings: Any) -> None:
        settings.INGEST_MAX_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
        assert problem(sender.post(EVENT | {"data": "x" * 1000}))["detail"] == (
            "A request may have 1,000 bytes; this one has more. Send fewer events."
        )
        assert not Saga.objects.exists()

    def test_too_many_events(self, sender: Sender, settings: Any) -> None:
        settings.INGEST_MAX_EVENTS = 2
        told = problem(sender.post([EVENT] * 3, BATCH))
        assert told["status"] == 413
        assert told["detail"] == "A batch may have 2 events; this one has 3. Send fewer events."

    def test_a_database_that_is_away(self, sender: Sender) -> None:
        def broken(execute: Any, *rest: Any) -> Any:
            raise OperationalError("gone")

        with connection.execute_wrapper(broken):
            response = sender.post(EVENT)
        assert response["Retry-After"] == "5"
        assert problem(response)["status"] == 503


class TestOneBadEventOfMany:
    """It is quarantined, and the rest is taken, however bad it is."""

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            (b'{"a": "\\ud800"}', "not_an_event"),
            (b'{"a": "\xff"}', "bad_attribute"),
            (b'{"\xff": 1}', "not_an_event"),
            (b'{"data": ' + b"[" * 3000 + b"]" * 3000 + b"}", "too_deep"),
            (b'{"data": "' + b"x" * 300_000 + b'"}', "too_large"),
            (b"null", "not_an_event"),
            (
                json.dumps(EVENT | {"id": "x", "data": None}).replace("null", '"\\udc00"').encode(),
                "not_an_event",
            ),
        ],
    )
    def test_the_rest_is_taken(self, sender: Sender, bad: bytes, reason: str) -> None:
        good = [json.dumps(EVENT | {"id": name}).encode() for name in ("a", "b")]
        answer = sender.post(b"[" + good[0] + b" ,\n" + bad + b"," + good[1] + b"]", BATCH).json()
        assert [result["outcome"] for result in answer["results"]] == ["stored", "quarantined", "stored"]
        assert bytes(Quarantined.objects.get(reason=reason).body) == bad

    def test_a_type_that_the_key_may_not_report_on(self, payment: Participant) -> None:
        scoped = Sender(participants.issue_key(payment, ["order-fulfilment"], ME))
        answer = scoped.post([EVENT, EVENT | {"sagatype": "wallet-payment"}], BATCH).json()
        assert [result["outcome"] for result in answer["results"]] == ["stored", "quarantined"]
        assert answer["results"][1]["reason"] == "not_allowed"
        assert Saga.objects.get().saga_type == "order-fulfilment"
        assert Quarantined.objects.get().saga_types == ["order-fulfilment"]


def test_payloads_that_postgresql_has_trouble_with_are_kept_to_the_letter(sender: Sender) -> None:
    data = (
        '{"nul": "\\u0000", "pair": "\\ud83d\\ude00", "big": 1e999, "twice": 1, "twice": 2,  "q": "\\\\\\""}'
    )
    body = json.dumps(EVENT | {"data": 0}).replace('"data": 0', f'"data": {data}').encode()
    assert sender.post(body).json()["stored"] == 1
    assert Event.objects.get().data == data


def test_use_of_the_key_is_noted(sender: Sender) -> None:
    assert ParticipantKey.objects.get().last_used_at is None
    sender.post(EVENT)
    assert ParticipantKey.objects.get().last_used_at is not None


def test_cookies_and_csrf_play_no_part(sender: Sender) -> None:
    strict = Client(enforce_csrf_checks=True)
    headers = {"Authorization": f"Bearer {sender.secret}"}
    assert strict.post(URL, json.dumps(EVENT), content_type=ONE, headers=headers).status_code == 200


@pytest.mark.django_db(transaction=True)
class TestHearing:
    """Whoever sends is heard: by what is accepted, also a second time, and by nothing else."""

    def heard_at(self) -> datetime | None:
        for thread in threading.enumerate():
            if thread.name == "hearing":
                thread.join(10)
        return Hearing.objects.values_list("heard_at", flat=True).first()

    def test_an_event_is_heard_and_so_is_its_repetition(self, sender: Sender) -> None:
        sender.post(EVENT)
        first = self.heard_at()
        assert first is not None
        assert sender.post(EVENT).json()["duplicate"] == 1
        again = self.heard_at()
        assert again is not None
        assert again > first

    @pytest.mark.parametrize("body", [{**EVENT, "type": "step.vanished"}, b"nonsense"])
    def test_what_is_not_taken_is_not_heard(self, body: Any, sender: Sender) -> None:
        sender.post(body)
        assert self.heard_at() is None
