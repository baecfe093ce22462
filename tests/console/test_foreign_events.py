"""Foreign events by HTTP: mapped, kept, replayed; and plain JSON, where an admin chose how it is read."""

import json
from typing import Any

import pytest
from django.test import Client

from console.permissions import Role
from sagas import definitions, participants, replays
from sagas.audit import Actor
from sagas.models import AuditEntry, Event, ForeignType, Participant, Quarantined, Saga
from tests.console.cast import person
from tests.console.test_events_api import BATCH, ME, Sender, problem

pytestmark = pytest.mark.django_db

JSON = "application/json"

ORDER = """\
type: order
version: "1"
steps: [{name: ship, kind: pivot}]
events:
  - {type: OrderShipped, kind: step.completed, saga: event.data.orderId, step: ship}
"""

SHIPPED = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "//shop.example",
    "type": "OrderShipped",
    "data": {"orderId": 8492, "weight": 1.50},
}


@pytest.fixture
def shop() -> Participant:
    return participants.create("shop", ME)


@pytest.fixture
def sender(shop: Participant) -> Sender:
    return Sender(participants.issue_key(shop, [], ME))


@pytest.fixture
def defined() -> None:
    definitions.load(ORDER, "order.yaml", ME)


class TestMapped:
    def test_the_answer_tells_what_it_became(self, sender: Sender, defined: None) -> None:
        answer = sender.post(SHIPPED).json()
        mapped = {
            "type": "step.completed",
            "sagatype": "order",
            "correlationid": "8492",
            "sagastep": "ship",
            "outcome": "stored",
        }
        result = {"id": "e-1", "source": "//shop.example", "outcome": "stored", "mapped": [mapped]}
        assert answer == {"results": [result], "stored": 1, "duplicate": 0, "quarantined": 0}
        assert Event.objects.get().data == json.dumps(SHIPPED["data"])
        again = sender.post(SHIPPED).json()
        assert (again["duplicate"], again["results"][0]["mapped"][0]["outcome"]) == (1, "duplicate")

    def test_in_binary_mode_too(self, sender: Sender, defined: None) -> None:
        headers = {f"ce_{name}": str(value) for name, value in SHIPPED.items() if name != "data"}
        answer = sender.post(b'{"orderId": "o-1"}', JSON, **headers).json()
        assert answer["results"][0]["mapped"][0]["correlationid"] == "o-1"

    def test_a_new_definition_counts_from_the_next_request_on(self, sender: Sender, defined: None) -> None:
        sender.post(SHIPPED)
        definitions.load(
            ORDER.replace('"1"', '"2"').replace("step.completed", "step.failed"), "order.yaml", ME
        )
        answer = sender.post(SHIPPED | {"id": "e-2"}).json()
        assert answer["results"][0]["mapped"][0]["type"] == "step.failed"

    def test_a_key_is_held_to_its_saga_types(self, shop: Participant, defined: None) -> None:
        scoped = Sender(participants.issue_key(shop, ["wallet"], ME))
        answer = scoped.post([SHIPPED, SHIPPED | {"type": "OrderLost", "id": "e-2"}], BATCH).json()
        assert [result["reason"] for result in answer["results"]] == ["not_allowed", "orphan_event"]
        assert not Saga.objects.exists()

    @pytest.mark.parametrize(
        "data",
        [
            None,
            7,
            [],
            {"orderId": None},
            {"orderId": {"$ne": 1}},
            {"orderId": "x" * 501},
            {"orderId": "a\u0000b\u001b"},
            {"orderId": ""},
            {"orderId": True},
            {"orderId": 1e300},
        ],
    )
    def test_hostile_payloads_are_kept_with_the_mapping_named(
        self, sender: Sender, defined: None, data: Any
    ) -> None:
        answer = sender.post([SHIPPED | {"data": data}, SHIPPED], BATCH).json()
        bad, good = answer["results"]
        assert (bad["outcome"], bad["reason"], good["outcome"]) == ("quarantined", "mapping_failed", "stored")
        assert bad["detail"].startswith("order v1, events[0]: saga ")

    def test_replaying_closes_the_loop(self, sender: Sender) -> None:
        answer = sender.post(SHIPPED).json()
        assert answer["results"][0]["reason"] == "orphan_event"
        assert answer["quarantined"] == 1
        definitions.load(ORDER, "order.yaml", ME)
        replays.ask(ForeignType.objects.get(), ME)
        replays.go_on()
        assert (Saga.objects.get().saga_id, Saga.objects.get().status) == ("8492", "completed")
        assert sender.post(SHIPPED).json()["duplicate"] == 1


class TestPlainJson:
    @pytest.fixture
    def chosen(self, shop: Participant) -> None:
        given = {"type": "data.event", "source": "//shop", "id": "string(data.no)", "time": "data.at"}
        participants.choose_plain_json(shop, ME, given)

    BODY = {"event": "OrderShipped", "no": 7, "at": "2026-01-01T12:00:00Z", "orderId": "o-1"}

    def test_it_is_taken_as_if_it_had_an_envelope(self, sender: Sender, chosen: None, defined: None) -> None:
        body = b'{"event":"OrderShipped","no":7,"at":"2026-01-01T12:00:00Z",  "orderId":"o-1", "a": 1.50}'
        assert sender.post(body, f"{JSON}; charset=utf-8").json()["stored"] == 1
        event = Event.objects.get()
        assert (event.source, event.event_id, str(event.time)) == ("//shop", "7", "2026-01-01 12:00:00+00:00")
        assert event.data == body.decode()
        assert event.attributes["foreigntype"] == "OrderShipped"
        assert sender.post(body, JSON).json()["duplicate"] == 1

    def test_an_array_is_a_batch(self, sender: Sender, chosen: None, defined: None) -> None:
        bodies = [self.BODY, self.BODY | {"no": 8}, {"event": "x"}, 7, self.BODY | {"event": "OrderLost"}]
        answer = sender.post(bodies, JSON).json()
        assert [(result["outcome"], result.get("reason", "")) for result in answer["results"]] == [
            ("stored", ""),
            ("stored", ""),
            ("quarantined", "mapping_failed"),
            ("quarantined", "mapping_failed"),
            ("quarantined", "orphan_event"),
        ]
        assert "by the participant's defaults for plain JSON" in answer["results"][2]["detail"]

    def test_without_an_id_the_bytes_are_the_identity(self, sender: Sender, shop: Participant) -> None:
        participants.choose_plain_json(shop, ME, {"type": "'OrderShipped'", "source": "//shop"})
        definitions.load(ORDER, "order.yaml", ME)
        body = b'{"orderId": "o-1"}'
        assert sender.post([json.loads(body)], JSON).json()["stored"] == 1
        assert sender.post(body, JSON).json()["duplicate"] == 1
        assert sender.post(b'{"orderId":  "o-1"}', JSON).json()["stored"] == 1
        event = Event.objects.first()
        assert event
        assert event.event_id.startswith("sha256:")

    @pytest.mark.parametrize(("body", "byte"), [(b"{", 1), (b'{"a": NaN}', 6), (b"[1, }", 4), (b"{} {}", 3)])
    def test_what_is_no_json_is_refused(self, sender: Sender, chosen: None, body: bytes, byte: int) -> None:
        told = problem(sender.post(body, JSON))
        assert (told["status"], told["byte"]) == (400, byte)

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b'{"event": "\\ud800"}', "not_an_event"),
            (b'{"event": "\xff"}', "not_an_event"),
            (b"[" + b"[" * 200 + b"]" * 200 + b"]", "too_deep"),
            (b'{"event": "' + b"x" * 300_000 + b'"}', "too_large"),
            (b'{"event": "OrderShipped", "no": "a", "at": "yesterday"}', "bad_time"),
            (b'{"event": "OrderShipped", "no": "a", "at": 7}', "bad_time"),
            (b'{"event": 1.5, "no": 1, "at": ""}', "mapping_failed"),
        ],
    )
    def test_hostile_json_is_kept(self, sender: Sender, chosen: None, body: bytes, reason: str) -> None:
        (result,) = sender.post(body, JSON).json()["results"]
        assert (result["outcome"], result["reason"]) == ("quarantined", reason)

    def test_it_can_be_read_again_once_the_defaults_are_mended(
        self, sender: Sender, shop: Participant, defined: None
    ) -> None:
        participants.choose_plain_json(shop, ME, {"type": "data.nope", "source": "//shop", "id": "data.no"})
        sender.post(self.BODY | {"no": "7"}, JSON)
        row = Quarantined.objects.get()
        assert row.is_plain
        operator = person("otto", Role.OPERATOR)
        operator.browser.post("/quarantine/replay", {"id": [row.pk]})
        participants.choose_plain_json(shop, ME, {"type": "data.event", "source": "//shop", "id": "data.no"})
        operator.browser.post("/quarantine/replay", {"id": [row.pk]})
        row.refresh_from_db()
        assert (row.state, row.replays) == ("replayed", 2)
        assert Saga.objects.get().saga_id == "o-1"

    def test_where_nobody_chose_it_says_who_could(self, sender: Sender) -> None:
        told = problem(sender.post(self.BODY, JSON))
        assert told["status"] == 415
        assert "once an admin has chosen" in told["detail"]

    def test_too_many_at_once(self, sender: Sender, chosen: None, settings: Any) -> None:
        settings.INGEST_MAX_EVENTS = 2
        assert problem(sender.post([1, 2, 3], JSON))["status"] == 413


class TestChoosing:
    def patch(self, client: Client, plain_json: Any) -> Any:
        body = json.dumps({"plain_json": plain_json})
        return client.patch("/api/v1/participants/shop", body, content_type=JSON)

    def test_by_the_api_audited_and_taken_back(self, shop: Participant) -> None:
        ada = person("ada", Role.ADMIN)
        chosen = {"type": "data.event", "source": "//shop"}
        answer = self.patch(ada.program, chosen | {"id": " "})
        assert (answer.status_code, answer.json()["plain_json"]) == (200, chosen)
        assert self.patch(ada.program, chosen).status_code == 200
        assert self.patch(ada.program, None).json()["plain_json"] is None
        entries = AuditEntry.objects.filter(action="participant.plain_json_chosen").order_by("sequence")
        assert [(entry.before, entry.after) for entry in entries] == [(None, chosen), (chosen, None)]

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"type": "data.event"}, "source"),
            ({"type": "data.", "source": "//shop"}, "type cannot be read: "),
            ({"type": "evnt.x", "source": "//shop"}, "`evnt` is neither a variable nor a function here"),
            ({"type": "data.event", "source": "amends"}, "Amends speaks under it"),
            ({"type": "data.event", "source": "a\u0007"}, "control characters"),
            ({"type": "data.event", "source": "//shop", "subject": "x"}, "There is no such member."),
            ("data.event", ""),
        ],
    )
    def test_what_cannot_be_is_refused(self, shop: Participant, given: Any, told: str) -> None:
        answer = self.patch(person("ada", Role.ADMIN).program, given)
        assert answer.status_code == 400
        assert told in json.dumps(answer.json(), ensure_ascii=False)
        shop.refresh_from_db()
        assert shop.plain_json is None

    def test_on_the_page(self, shop: Participant) -> None:
        ada = person("ada", Role.ADMIN)
        given = {"type": "data.event", "source": "//shop", "id": "", "time": ""}
        wrong = ada.browser.post("/participants/shop/plain-json", given | {"type": "data.<b>"})
        assert wrong.status_code == 422
        assert "data.&lt;b&gt;" in wrong.content.decode()
        assert ada.browser.post("/participants/shop/plain-json", given).status_code == 302
        shop.refresh_from_db()
        assert shop.plain_json == {"type": "data.event", "source": "//shop"}
        assert 'value="data.event"' in ada.browser.get("/participants/shop/").content.decode()
        ada.browser.post("/participants/shop/plain-json", dict.fromkeys(given, " "))
        shop.refresh_from_db()
        assert shop.plain_json is None


def test_by_whom_a_replay_was_asked_stands_in_the_log(sender: Sender) -> None:
    sender.post(SHIPPED)
    replay = replays.ask(ForeignType.objects.get(), Actor("person", "otto", "192.0.2.7"))
    assert replay
    replays.go_on()
    for action in ("replay.asked", "quarantine.replayed", "replay.finished"):
        entry = AuditEntry.objects.get(action=action)
        assert (entry.actor, entry.address) == ("otto", "192.0.2.7")
