"""Foreign events: what a mapping makes of them, and what is refused, where and why."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import audit, definitions, events
from sagas.definitions import Definition, DefinitionError
from sagas.events import Foreign, Incoming, Reason
from sagas.events.mapping import Mapped, Mappings, try_on
from sagas.events.plain import Defaults
from sagas.vocabulary import Kind

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)

SHIPPED: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "//shop.example/shipping",
    "type": "com.shop.order.shipped.v1",
    "time": "2026-01-01T11:59:00Z",
    "subject": "parcel-7",
    "data": {"orderId": 8492, "status": "SENT", "try": 2, "at": "2026-01-01T11:58:00Z", "ms": 1767268680123},
}

STEPS = """\
type: order
version: "2"
steps:
  - {name: charge, kind: compensatable}
  - {name: ship, kind: pivot}
events:
"""


def define(mappings: str, type: str = "order") -> Definition:
    return definitions.parse(STEPS.replace("type: order", f"type: {type}") + mappings, "x.yaml")


def complaints(mappings: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        define(mappings)
    return str(caught.value).splitlines()


def foreign(**changed: Any) -> Foreign:
    event = {name: value for name, value in (SHIPPED | changed).items() if value is not ...}
    found = events.read(json.dumps(event).encode(), now=NOW, largest=10_000)
    assert isinstance(found, Foreign), found
    return found


def take(*definitions: Definition, scope: tuple[str, ...] = (), **changed: Any) -> Mapped:
    return Mappings(definitions).take(foreign(**changed), now=NOW, scope=scope)


def taken(mapping: str, **changed: Any) -> Incoming:
    (event,), refused = take(define(f"  - {mapping}\n"), **changed)
    assert refused is None
    return event


def refused(mapping: str, **changed: Any) -> Foreign:
    found, kept = take(define(f"  - {mapping}\n"), **changed)
    assert not found
    assert isinstance(kept, Foreign)
    return kept


SHIP = "{type: com.shop.order.shipped.v1, kind: step.completed, saga: event.data.orderId, step: ship"


class TestTaken:
    def test_all_that_it_was_stays_with_it(self) -> None:
        event = taken(SHIP + "}")
        assert (event.kind, event.saga_type, event.saga_id, event.step) == (
            Kind.STEP_COMPLETED,
            "order",
            "8492",
            "ship",
        )
        assert (event.source, event.id, str(event.time)) == (
            "//shop.example/shipping",
            "e-1",
            "2026-01-01 11:59:00+00:00",
        )
        assert event.attributes == {
            "subject": "parcel-7",
            "foreigntype": "com.shop.order.shipped.v1",
            "mappedby": "order v2, events[0]",
        }
        assert json.loads(event.data or "") == SHIPPED["data"]

    @pytest.mark.parametrize(
        ("more", "name", "value"),
        [
            ("execution: event.subject", "execution", "parcel-7"),
            ("execution: 'event.data.ms'", "execution", "1767268680123"),
            ("attempt: event.data.try", "attempt", 2),
            ("attempt: \"'3'\"", "attempt", 3),
            ("attempt: 'has(event.data.nope) ? event.data.nope : null'", "attempt", None),
            ("time: event.data.at", "time", datetime(2026, 1, 1, 11, 58, tzinfo=UTC)),
            (
                "time: 'string(timestamp(event.data.ms / 1000))'",
                "time",
                datetime(2026, 1, 1, 11, 58, tzinfo=UTC),
            ),
            ("time: event.time", "time", datetime(2026, 1, 1, 11, 59, tzinfo=UTC)),
        ],
    )
    def test_more_can_be_found_in_it(self, more: str, name: str, value: object) -> None:
        assert getattr(taken(f"{SHIP}, {more}}}"), name) == value

    def test_kind_and_step_may_be_worked_out(self) -> None:
        mapping = (
            "{type: com.*, saga: string(event.data.orderId), step: {cel: event.subject},"
            " kind: {cel: \"event.data.status == 'SENT' ? 'step.completed' : 'step.failed'\"}}"
        )
        assert (taken(mapping).kind, taken(mapping).step) == (Kind.STEP_COMPLETED, "parcel-7")
        assert taken(mapping, data=SHIPPED["data"] | {"status": "LOST"}).kind is Kind.STEP_FAILED

    def test_a_saga_event_needs_no_step(self) -> None:
        mapping = "{type: 'com.shop.*', kind: saga.started, saga: event.id}"
        assert (taken(mapping).kind, taken(mapping).step) == (Kind.SAGA_STARTED, "")

    def test_what_is_native_beside_the_type_is_kept_and_can_be_used(self) -> None:
        event = taken(
            "{type: com.*, kind: saga.note, saga: event.correlationid}", correlationid="o-1", sagaversion="2"
        )
        assert event.saga_id == "o-1"
        assert event.attributes["sagaversion"] == "2"

    def test_the_first_that_holds_counts(self) -> None:
        definition = define(
            "  - {type: com.shop.order.shipped.v1, when: event.data.status == 'LOST', kind: step.failed,"
            " saga: event.id, step: ship}\n"
            "  - {type: 'com.*', source: '//shop.example/*', kind: step.completed, saga: event.id,"
            " step: ship}\n"
            "  - {type: com.shop.order.shipped.v1, kind: saga.note, saga: event.id}\n"
        )
        assert take(definition).taken[0].kind is Kind.STEP_COMPLETED
        assert take(definition, source="//elsewhere").taken[0].kind is Kind.SAGA_NOTE
        lost = take(definition, data={"status": "LOST"}).taken[0]
        assert (lost.kind, lost.attributes["mappedby"]) == (Kind.STEP_FAILED, "order v2, events[0]")

    def test_sagas_of_two_types_may_be_concerned(self) -> None:
        other = define(f"  - {SHIP.replace('orderId', 'status')}}}\n", "wallet")
        found, kept = take(other, define(f"  - {SHIP}}}\n"))
        assert [(event.saga_type, event.saga_id) for event in found] == [
            ("order", "8492"),
            ("wallet", "SENT"),
        ]
        assert kept is None

    def test_one_that_fails_does_not_keep_the_other_from_it(self) -> None:
        other = define(f"  - {SHIP.replace('orderId', 'nope')}}}\n", "wallet")
        found, kept = take(other, define(f"  - {SHIP}}}\n"))
        assert [event.saga_type for event in found] == ["order"]
        assert kept
        assert (kept.reason, kept.id) == (Reason.MAPPING_FAILED, "e-1")
        assert kept.detail.startswith("wallet v2, events[0]: saga has no value: ")


class TestRefused:
    def test_what_nobody_names_is_an_orphan(self) -> None:
        assert Mappings([]).take(foreign(), now=NOW).refused == foreign()
        assert foreign().reason is Reason.ORPHAN_EVENT
        assert foreign().detail == (
            'No definition maps the type "com.shop.order.shipped.v1"'
            ' from the source "//shop.example/shipping".'
        )

    def test_what_is_addressed_to_a_saga_has_an_unknown_kind(self) -> None:
        event = foreign(correlationid="o-1", sagatype="order")
        assert event.reason is Reason.UNKNOWN_KIND
        assert Mappings([define(f"  - {SHIP}}}\n")]).take(event, now=NOW).taken

    def test_what_is_declined_says_by_whom(self) -> None:
        kept = refused(SHIP + ", when: \"event.data.status != 'SENT'\"}")
        assert kept.reason is Reason.ORPHAN_EVENT
        assert kept.detail == "Mappings of order are about its type, but the condition of none holds."

    @pytest.mark.parametrize(
        ("mapping", "words"),
        [
            (f"{SHIP.replace('orderId', 'nope')}}}", "saga has no value: "),
            (f"{SHIP.replace('event.data.orderId', 'event.data')}}}", "saga has no value: it gives map"),
            (
                SHIP.replace("event.data.orderId", "'1.5'") + "}",
                "saga must be text or a whole number; got 1.5.",
            ),
            (
                SHIP.replace("event.data.orderId", "'true'") + "}",
                "saga must be text or a whole number; got true.",
            ),
            (SHIP.replace("event.data.orderId", "\"''\"") + "}", "saga is empty."),
            (SHIP + ", when: event.data.status}", "when has no value: it gives string; must give bool"),
            (SHIP + ", when: event.data.nope == 1}", "when has no value: "),
            (SHIP + ", attempt: event.data.status}", "attempt must be a whole number from 1"),
            (SHIP + ", attempt: 0 * event.data.try}", "attempt must be a whole number from 1"),
            (SHIP + ", time: event.data.status}", 'time must be an RFC 3339 time with a zone; got "SENT".'),
            (SHIP + ", time: \"'2026-01-03T00:00:00Z'\"}", "time is too far ahead"),
            ("{type: com.*, kind: {cel: event.id}, saga: event.id}", "kind must be a kind such as"),
            ("{type: com.*, kind: {cel: event.data.orderId}, saga: event.id}", "kind must be a kind"),
            ("{type: com.*, kind: {cel: \"'operator.note'\"}, saga: event.id}", "only Amends itself"),
            ("{type: com.*, kind: {cel: \"'step.failed'\"}, saga: event.id}", "step is missing"),
            ("{type: com.*, kind: step.failed, step: {cel: \"''\"}, saga: event.id}", "step is empty."),
            ("{type: com.*, kind: saga.note, saga: event.data.l}", "saga may have 500 bytes in UTF-8"),
            ("{type: com.*, kind: saga.note, saga: event.data.c}", "forbids: U+0007."),
        ],
    )
    def test_what_a_mapping_cannot_take_names_it_and_says_why(self, mapping: str, words: str) -> None:
        kept = refused(mapping, data=SHIPPED["data"] | {"l": "x" * 501, "c": "\x07"})
        assert kept.reason is Reason.MAPPING_FAILED
        assert kept.detail.startswith("order v2, events[0]: ")
        assert words in kept.detail

    @pytest.mark.parametrize(
        "data",
        ['"\\ud800"', "1e999", "[" * 40 + "]" * 40, json.dumps(["x"] * 20_000), json.dumps("x" * 200_001)],
    )
    def test_payloads_that_no_expression_can_take(self, data: str) -> None:
        raw = json.dumps(SHIPPED | {"data": 0}).replace('"data": 0', f'"data": {data}').encode()
        event = events.read(raw, now=NOW, largest=10**6)
        if isinstance(event, Foreign):
            found, kept = Mappings([define(f"  - {SHIP}}}\n")]).take(event, now=NOW)
            assert not found
            assert kept
            assert kept.reason is Reason.MAPPING_FAILED
        else:
            assert event.reason is Reason.NOT_AN_EVENT

    def test_a_key_takes_only_where_it_may(self) -> None:
        both = define(f"  - {SHIP}}}\n"), define(f"  - {SHIP}}}\n", "wallet")
        found, kept = take(*both, scope=("wallet",))
        assert [event.saga_type for event in found] == ["wallet"]
        assert kept is None
        found, kept = take(*both, scope=("else",))
        assert not found
        assert kept
        assert kept.reason is Reason.NOT_ALLOWED
        assert "may not report on sagas of type order, wallet" in kept.detail


class TestLoading:
    @pytest.mark.parametrize(
        ("mapping", "told"),
        [
            (SHIP + ", stp: x}", "x.yaml:7:99: events[0].stp is not known; did you mean step?"),
            ("{type: a, kind: saga.note}", "x.yaml:7:5: events[0].saga is missing"),
            (
                "{type: a, saga: event.id}",
                "x.yaml:7:5: events[0].kind is missing: a kind such as step.completed, or {cel: …}",
            ),
            (
                "{type: a, kind: step.complete, saga: event.id, step: ship}",
                'x.yaml:7:21: events[0].kind must be one of the kinds of events; got "step.complete": '
                "did you mean step.completed?",
            ),
            (
                "{type: a, kind: event.data.kind, saga: event.id}",
                'x.yaml:7:21: events[0].kind must be one of the kinds of events; got "event.data.kind": '
                "write {cel: event.data.kind} for an expression",
            ),
            (
                "{type: a, kind: step.failed, saga: event.id, step: shp}",
                'x.yaml:7:56: events[0].step must be a step of this definition; got "shp": '
                "the steps are charge, ship",
            ),
            (
                "{type: a, kind: step.failed, saga: event.id}",
                "x.yaml:7:5: events[0].step is missing: step.failed is about a step",
            ),
            (
                "{type: a*b, kind: saga.note, saga: event.id}",
                'x.yaml:7:12: events[0].type must have * at its end only; got "a*b"',
            ),
            (
                "{type: step.failed, kind: saga.note, saga: event.id}",
                'x.yaml:7:12: events[0].type must be a foreign type: "step.failed" needs no'
                " mapping, it is ours",
            ),
            (
                "{type: a, kind: saga.note, saga: evnt.id}",
                "x.yaml:7:38: events[0].saga: `evnt` is neither a variable nor a function here",
            ),
            (
                "{type: a, kind: {cel: event.id +}, saga: event.id}",
                "x.yaml:7:37: events[0].kind.cel: something is missing at the end",
            ),
            (
                "{type: a, kind: saga.note, saga: event.id, when: event.id.size()}",
                "",
            ),
            (
                "{type: a, kind: saga.note, saga: event.id, when: '1 + 1'}",
                "x.yaml:7:55: events[0].when: gives int; must give bool (true or false)",
            ),
            ("{type: a, kind: saga.note, saga: event}", "gives map; must give a single value"),
            (
                "{type: a, kind: saga.note, saga: event.id, keys: {order: event.id}}",
                "events[0].keys.order must be a key of this definition, one of none, as keys is empty; got",
            ),
        ],
    )
    def test_mistakes_are_told_with_their_place(self, mapping: str, told: str) -> None:
        found = complaints(f"  - {mapping}\n")
        assert len(found) == 1
        assert told in found[0]

    def test_a_definition_comes_back_from_the_database_as_it_was(self, db: None) -> None:
        computed = "{type: b, kind: {cel: event.id}, saga: event.id}"
        text = STEPS + f"  - {SHIP}, when: event.id != ''}}\n  - {computed}\n"
        row = definitions.load(text, "x.yaml", audit.Actor.system()).row
        assert definitions.by_key(row.pk) == definitions.parse(text, "x.yaml")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.dictionaries(st.sampled_from(["orderId", "status", "try", "at"]), json_values), st.text(max_size=30)
)
def test_whatever_the_payload_an_event_is_taken_or_kept_and_always_alike(data: Any, subject: str) -> None:
    mappings = Mappings(
        [
            define(
                f"  - {SHIP}, when: \"event.data.status == 'SENT'\", attempt: event.data.try}}\n"
                "  - {type: com.*, kind: {cel: event.data.status}, saga: event.subject, step: ship}\n"
            )
        ]
    )
    raw = json.dumps(SHIPPED | {"data": data, "subject": subject}).encode()
    event = events.read(raw, now=NOW, largest=10**6)
    if isinstance(event, Foreign):
        found, kept = mappings.take(event, now=NOW)
        assert len(found) + (kept is not None) == 1
        assert (found, kept) == mappings.take(event, now=NOW)
        for one in found:
            assert one.saga_id
            assert one.raw == raw


class TestTryingOn:
    def test_each_event_of_each_sample_has_an_outcome(self) -> None:
        definition = define(f"  - {SHIP}, when: event.data.status == 'SENT'}}\n")
        native = {
            "specversion": "1.0",
            "id": "n",
            "source": "s",
            "type": "saga.started",
            "correlationid": "o-1",
            "sagatype": "order",
        }
        samples: list[Any] = [
            SHIPPED,
            [SHIPPED | {"id": "e-2", "data": {"status": "LOST"}}, native, {"specversion": "1.0"}],
            {"orderId": 7},
        ]
        found = try_on(definition, [json.dumps(each).encode() for each in samples] + [b"{"], now=NOW)
        assert [(each.id, each.type, each.mapped_by, each.reason) for each in found] == [
            ("e-1", "com.shop.order.shipped.v1", "order v2, events[0]", None),
            ("e-2", "com.shop.order.shipped.v1", "", Reason.ORPHAN_EVENT),
            ("n", "saga.started", "", None),
            ("", "", "", Reason.MISSING_ATTRIBUTE),
            ("", "", "", Reason.NOT_AN_EVENT),
            ("", "", "", Reason.NOT_AN_EVENT),
        ]
        assert found[0].event
        assert found[0].event.saga_id == "8492"
        assert "plain JSON" in found[4].detail
        assert "at byte 1" in found[5].detail

    def test_plain_json_is_read_by_the_defaults(self) -> None:
        definition = define(f"  - {SHIP}}}\n")
        defaults = Defaults(type="'com.shop.order.' + data.what + '.v1'", source="//shop", id="data.no")
        body = json.dumps([{"what": "shipped", "no": 1, "orderId": 7}, {"no": 2}]).encode()
        good, bad = try_on(definition, [body], now=NOW, defaults=defaults)
        assert good.event
        assert (good.event.saga_id, good.event.source, good.event.id) == ("7", "//shop", "1")
        assert bad.reason is Reason.MAPPING_FAILED
        assert bad.detail.startswith(
            "Its type cannot be found by the participant's defaults for plain JSON: "
        )


def test_the_documentation_can_be_loaded() -> None:
    told = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text()
    definition = definitions.parse(re.findall(r"```yaml\n(.*?)```", told, re.DOTALL)[0], "mapping.md")
    assert len(definition.events) == 3
    (choice,) = re.findall(r"```json\n(.*?)```", told, re.DOTALL)
    defaults = msgspec.convert(json.loads(choice)["plain_json"], Defaults)
    (body,) = re.findall(r"-d '(.*?)'", told, re.DOTALL)
    (tried,) = try_on(definition, [body.encode()], now=NOW, defaults=defaults)
    assert (tried.type, tried.source, tried.id, tried.reason) == (
        "OrderShipped",
        "//shop.example/shipping",
        "7",
        Reason.ORPHAN_EVENT,
    )
