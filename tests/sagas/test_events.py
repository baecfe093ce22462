"""The wire: what is an event, what is none and why, and that the quick way agrees with the thorough one."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from sagas import events
from sagas.events import Incoming, MalformedError, Reason, Refused, TooManyError, grammar
from sagas.events.examining import examine
from sagas.events.incoming import LONGEST, take_quickly
from sagas.vocabulary import Kind

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LARGEST = 10_000

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "//shop.example/payment",
    "type": "step.completed",
    "correlationid": "order-8492",
    "sagatype": "order-fulfilment",
    "sagastep": "charge-card",
}


def read(event: dict[str, Any] | bytes) -> Incoming | Refused:
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    return events.read(raw, now=NOW, largest=LARGEST)


def taken(event: dict[str, Any] | bytes) -> Incoming:
    found = read(event)
    assert isinstance(found, Incoming), found
    return found


def refused(event: dict[str, Any] | bytes) -> Refused:
    found = read(event)
    assert isinstance(found, Refused), found
    return found


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in EVENT.items() if name not in names}


class TestTaken:
    def test_every_attribute_has_its_place(self) -> None:
        event = EVENT | {
            "time": "2026-01-01T12:00:00.123456+02:00",
            "sequence": "0007",
            "sagaversion": "2",
            "sagaexecution": "x-1",
            "sagaattempt": 3,
            "sagadeadline": "2026-01-01T13:00:00Z",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "causationid": "e-0",
            "partitionkey": "p",
            "recordedtime": "2026-01-01T12:00:00Z",
            "subject": "order",
            "dataschema": "https://shop.example/schema",
            "datacontenttype": "application/json",
            "teamcolour": "blue",
            "priority": 7,
            "test": True,
            "data": {"a": [1, 2]},
        }
        assert taken(event) == Incoming(
            source="//shop.example/payment",
            id="e-1",
            kind=Kind.STEP_COMPLETED,
            saga_type="order-fulfilment",
            saga_id="order-8492",
            step="charge-card",
            execution="x-1",
            attempt=3,
            time=datetime(2026, 1, 1, 10, 0, 0, 123456, UTC),
            sequence="0007",
            attributes={
                name: event[name]
                for name in (
                    "sagaversion",
                    "sagadeadline",
                    "traceparent",
                    "causationid",
                    "partitionkey",
                    "recordedtime",
                    "subject",
                    "dataschema",
                    "datacontenttype",
                    "teamcolour",
                    "priority",
                    "test",
                )
            },
            data='{"a": [1, 2]}',
            raw=json.dumps(event).encode(),
        )

    def test_a_saga_event_needs_no_step(self) -> None:
        assert taken(without("sagastep") | {"type": "saga.started"}).step == ""

    @pytest.mark.parametrize(
        "name", ["correlationid", "sagaversion", "sagaexecution", "sequence", "sagaattempt"]
    )
    def test_whole_numbers_are_taken_for_their_text_and_back(self, name: str) -> None:
        number, text = taken(EVENT | {name: 42}), taken(EVENT | {name: "42"})
        number.raw = text.raw = b""
        if name == "sagaversion":
            assert (number.attributes, text.attributes) == ({name: 42}, {name: "42"})
        else:
            assert number == text

    def test_null_is_not_given(self) -> None:
        event = taken(EVENT | {"time": None, "sagaattempt": None, "subject": None, "sequence": None})
        assert (event.time, event.attempt, event.attributes, event.sequence) == (None, None, {}, "")

    @pytest.mark.parametrize(
        ("raw", "kept"),
        [
            ('{"a":   1.10}', '{"a":   1.10}'),
            ("null", "null"),
            ('""', '""'),
            ("[]", "[]"),
            ("1e999", "1e999"),
            ('"\\u0000"', '"\\u0000"'),
            ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
            ('"€"', '"€"'),
        ],
    )
    def test_a_payload_is_kept_to_the_letter(self, raw: str, kept: str) -> None:
        body = json.dumps(EVENT)[:-1] + f', "data": {raw}}}'
        assert taken(body.encode()).data == kept

    def test_no_payload(self) -> None:
        assert taken(EVENT).data is None

    @pytest.mark.parametrize(
        ("given", "data", "attributes"),
        [
            (b'{"a": 1}', '{"a": 1}', {}),
            (b"\x00\xff", '"AP8="', {"datacontenttype": "image/png", "dataencoding": "base64"}),
            (b'{"a": 1}', '{"a": 1}', {"datacontenttype": "application/vnd.shop+json"}),
        ],
    )
    def test_base64(self, given: bytes, data: str, attributes: dict[str, Any]) -> None:
        event = EVENT | {"data_base64": base64.b64encode(given).decode()}
        event |= {name: value for name, value in attributes.items() if name != "dataencoding"}
        found = taken(event)
        assert (found.data, found.attributes) == (data, attributes)

    @pytest.mark.parametrize(
        "kind", [kind for kind in Kind if kind.family != "operator"], ids=lambda kind: kind.value
    )
    def test_every_kind(self, kind: Kind) -> None:
        assert taken(EVENT | {"type": kind.value}).kind is kind

    def test_ids_may_be_long_and_of_any_script(self) -> None:
        event = EVENT | {"correlationid": "日" * 166, "id": "x" * 1000, "sagatype": "заказ"}
        found = taken(event)
        assert (len(found.saga_id), len(found.id), found.saga_type) == (166, 1000, "заказ")

    @pytest.mark.parametrize(
        ("text", "time"),
        [
            ("2026-01-01T12:00:00Z", NOW),
            ("2026-01-01t12:00:00z", NOW),
            ("2026-01-01T14:30:00+02:30", NOW),
            ("2026-01-01T12:00:00.0000001Z", NOW),
            ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
            ("2026-01-02T12:00:00Z", NOW + timedelta(hours=24)),
        ],
    )
    def test_times(self, text: str, time: datetime) -> None:
        assert taken(EVENT | {"time": text}).time == time


class TestRefused:
    @pytest.mark.parametrize(
        "name", ["specversion", "id", "source", "type", "correlationid", "sagatype", "sagastep"]
    )
    def test_what_is_missing_is_named(self, name: str) -> None:
        for event in (without(name), EVENT | {name: None}, EVENT | {name: ""}):
            found = refused(event)
            assert found.reason == Reason.MISSING_ATTRIBUTE
            assert found.detail.startswith(f"{name} is missing")

    def test_its_identity_is_told_as_far_as_it_can_be_read(self) -> None:
        found = refused(EVENT | {"type": "unheard.of"})
        assert (found.id, found.source) == ("e-1", "//shop.example/payment")
        found = refused(EVENT | {"id": 7, "source": "a\nb" + "c" * 300})
        assert (found.id, found.source) == ("", "a\ufffdb" + "c" * 197)

    @pytest.mark.parametrize(
        ("changed", "reason", "words"),
        [
            ({"specversion": "0.3"}, Reason.BAD_ATTRIBUTE, 'specversion must be "1.0"; got "0.3".'),
            ({"type": "order.shipped"}, Reason.UNKNOWN_KIND, 'got "order.shipped"'),
            ({"type": "operator.note"}, Reason.RESERVED, "only Amends itself"),
            ({"source": "amends"}, Reason.RESERVED, "source must not be"),
            ({"id": 1}, Reason.BAD_ATTRIBUTE, "id must be text; got 1."),
            (
                {"correlationid": 1.5},
                Reason.BAD_ATTRIBUTE,
                "correlationid must be UTF-8 text, a whole number",
            ),
            ({"subject": {"a": 1}}, Reason.BAD_ATTRIBUTE, "subject must be UTF-8 text, a whole number"),
            ({"id": "x" * 1001}, Reason.BAD_ATTRIBUTE, "id may have 1,000 bytes in UTF-8; it has 1,001."),
            ({"correlationid": "日" * 167}, Reason.BAD_ATTRIBUTE, "correlationid may have 500 bytes"),
            ({"sagatype": "x" * 201}, Reason.BAD_ATTRIBUTE, "sagatype may have 200 bytes"),
            ({"sagastep": "x" * 201}, Reason.BAD_ATTRIBUTE, "sagastep may have 200 bytes"),
            ({"subject": "x" * 4001}, Reason.BAD_ATTRIBUTE, "subject may have 4,000 bytes"),
            ({"id": "a\x00b"}, Reason.BAD_ATTRIBUTE, "forbids: U+0000."),
            (
                {"sagastep": "a\nb"},
                Reason.BAD_ATTRIBUTE,
                "sagastep holds a character that CloudEvents forbids: U+000A.",
            ),
            ({"subject": "\x7f"}, Reason.BAD_ATTRIBUTE, "U+007F"),
            ({"subject": "\ufffe"}, Reason.BAD_ATTRIBUTE, "U+FFFE"),
            ({"a\x00": "b"}, Reason.BAD_ATTRIBUTE, "The name of an attribute is not allowed"),
            ({"sagaattempt": 0}, Reason.BAD_ATTRIBUTE, "sagaattempt must be a whole number from 1"),
            ({"sagaattempt": -1}, Reason.BAD_ATTRIBUTE, "sagaattempt must be"),
            ({"sagaattempt": 2**31}, Reason.BAD_ATTRIBUTE, "sagaattempt must be"),
            ({"sagaattempt": "two"}, Reason.BAD_ATTRIBUTE, "sagaattempt must be"),
            ({"sagaattempt": True}, Reason.BAD_ATTRIBUTE, "sagaattempt must be"),
            ({"sagaattempt": "9" * 190}, Reason.BAD_ATTRIBUTE, "sagaattempt must be"),
            (
                {"time": "yesterday"},
                Reason.BAD_TIME,
                'time must be an RFC 3339 time with a zone, from 1970 on; got "ye',
            ),
            ({"time": "2026-01-01T12:00:00"}, Reason.BAD_TIME, "with a zone"),
            ({"time": "2026-13-01T12:00:00Z"}, Reason.BAD_TIME, "time must be"),
            ({"time": "0001-01-01T00:00:00Z"}, Reason.BAD_TIME, "from 1970 on"),
            ({"time": "0001-01-01T00:00:00+14:00"}, Reason.BAD_TIME, "from 1970 on"),
            ({"time": "9999-12-31T23:59:59-14:00"}, Reason.BAD_TIME, "time must be"),
            ({"time": 1767268800}, Reason.BAD_TIME, 'got "1767268800"'),
            ({"time": "2026-01-02T12:00:00.001Z"}, Reason.TIME_IN_FUTURE, "more than 24 hours ahead"),
            ({"sagadeadline": "soon"}, Reason.BAD_TIME, "sagadeadline must be"),
            ({"data_base64": "???"}, Reason.BAD_DATA, "data_base64 must be a text of base64."),
            ({"data_base64": 7}, Reason.BAD_DATA, "data_base64 must be"),
            ({"data": 1, "data_base64": "AA=="}, Reason.BAD_DATA, "must not both be given"),
            ({"data_base64": base64.b64encode(b"{a}").decode()}, Reason.BAD_DATA, "must hold JSON"),
            ({"data_base64": base64.b64encode(b'"\xff"').decode()}, Reason.BAD_DATA, "no UTF-8"),
            ({"data": [[[[]]]] * 30}, None, ""),
            (
                {f"a{n}": n for n in range(100)},
                Reason.BAD_ATTRIBUTE,
                "may have 100 attributes; this one has 107.",
            ),
        ],
        ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
    )
    def test_what_is_wrong_is_named(self, changed: dict[str, Any], reason: Reason | None, words: str) -> None:
        if reason is None:
            taken(EVENT | changed)
            return
        found = refused(EVENT | changed)
        assert found.reason == reason
        assert words in found.detail

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"7", Reason.NOT_AN_EVENT),
            (b"null", Reason.NOT_AN_EVENT),
            (b"[]", Reason.NOT_AN_EVENT),
            (b'{"a": "\\ud800"}', Reason.NOT_AN_EVENT),
            (b'{"\xff": 1}', Reason.NOT_AN_EVENT),
            (b"[" * 200 + b"]" * 200, Reason.TOO_DEEP),
            (b"[" * 100_000 + b"]" * 100_000, Reason.TOO_LARGE),
            (b'{"data": "' + b"x" * 10_000 + b'"}', Reason.TOO_LARGE),
        ],
    )
    def test_what_is_no_event_at_all(self, raw: bytes, reason: Reason) -> None:
        assert refused(raw).reason == reason

    def test_a_payload_that_is_no_utf8(self) -> None:
        raw = json.dumps(EVENT | {"data": "?"}).encode().replace(b"?", b"\xff")
        assert refused(raw).reason == Reason.BAD_DATA

    def test_a_payload_that_is_too_deep(self) -> None:
        deep = b"[" * 99 + b"]" * 99
        raw = json.dumps(EVENT | {"data": "?"}).encode()
        assert taken(raw.replace(b'"?"', deep)).data == deep.decode()
        assert refused(raw.replace(b'"?"', b"[" + deep + b"]")).reason == Reason.TOO_DEEP
        packed = base64.b64encode(b"[" * 101 + b"]" * 101).decode()
        assert refused(EVENT | {"data_base64": packed}).reason == Reason.TOO_DEEP

    def test_brackets_in_text_are_not_depth(self) -> None:
        assert taken(EVENT | {"data": "[" * 500 + '\\"' * 20}).data


SOMETIMES = [
    *("time", "sequence", "sagaversion", "sagaexecution", "sagaattempt", "sagadeadline", "traceparent"),
    *("subject", "datacontenttype", "data", "data_base64", "other"),
]
text = st.text(max_size=8) | st.sampled_from(
    ["", "1.0", "amends", "step.started", "x" * 1001, "\x00", "\u2028"]
)
value = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2**40)
    | st.floats(allow_nan=False)
    | text
    | st.just([])
    | st.just({})
)
names = st.sampled_from([*EVENT, *SOMETIMES])


class TestBothWays:
    @given(changed=st.dictionaries(names, value, max_size=4))
    @example(changed={"time": "2026-01-01T12:00:00Z", "sagadeadline": "2026-01-01T12:00:00Z"})
    @example(changed={"sagaattempt": 1, "sagaversion": "1", "data": {"a": 1}, "datacontenttype": "text/json"})
    @examples(max_examples=400, deadline=None)
    def test_what_is_taken_quickly_is_the_same_as_when_examined(self, changed: dict[str, Any]) -> None:
        raw = json.dumps(EVENT | changed).encode()
        quick = take_quickly(raw, NOW, LARGEST)
        assert quick is None or quick == examine(raw, NOW, LARGEST)

    def test_usual_events_are_taken_quickly(self) -> None:
        usual = EVENT | {
            "time": "2026-01-01T12:00:00Z",
            "sagaversion": "1",
            "sagaattempt": 1,
            "sagadeadline": "2026-01-01T12:05:00Z",
            "traceparent": "00-1-2-01",
            "datacontenttype": "application/json",
            "data": {"a": 1},
        }
        assert take_quickly(json.dumps(usual).encode(), NOW, LARGEST)

    @given(raw=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
    @examples(max_examples=400, deadline=None)
    def test_no_bytes_are_a_mistake_of_ours(self, raw: bytes) -> None:
        assert isinstance(read(raw), Refused)
        for way in (events.read_structured, events.read_batch):
            more = {"most": 5} if way is events.read_batch else {}
            try:
                way(raw, now=NOW, largest=LARGEST, **more)
            except (MalformedError, TooManyError) as error:
                assert str(error)


class TestBatch:
    def batch(self, body: bytes, most: int = 100) -> list[Incoming | Refused]:
        return events.read_batch(body, now=NOW, largest=LARGEST, most=most)

    def test_too_many(self) -> None:
        with pytest.raises(TooManyError) as caught:
            self.batch(b"[1,2,3]", most=2)
        assert caught.value.count == 3

    @given(
        st.lists(st.sampled_from([b"{}", b'"\\ud800"', b"[" * 2000 + b"]" * 2000, b'"],[\\"\\\\"', b"1 "]))
    )
    @examples(max_examples=60, deadline=None)
    def test_elements_are_told_apart_whatever_they_hold(self, elements: list[bytes]) -> None:
        found = self.batch(b" [ " + b" ,\n".join(elements) + b" ] ", most=1000)
        assert [event.raw for event in found] == [element.strip() for element in elements]

    @pytest.mark.parametrize(
        ("body", "byte"),
        [
            (b"[1,]", 3),
            (b"[,1]", 1),
            (b'["\\ud800",]', 10),
            (b'["\\ud800" "a"]', 10),
            (b'["\\ud800"', 9),
            (b'["\\ud800"]]', 10),
            (b'["\\ud800", {"a" 1}]', 16),
            (b'["\\ud800", NaN]', 11),
            (b'["NaN\\ud800", -Infinity]', 14),
        ],
    )
    def test_where_it_is_malformed(self, body: bytes, byte: int) -> None:
        with pytest.raises(MalformedError) as caught:
            self.batch(body)
        assert caught.value.byte == byte

    def test_brackets_without_end_cost_little(self) -> None:
        with pytest.raises(MalformedError, match="must not hold more than"):
            grammar.split(b"[" * 3_000_000)
        with pytest.raises(MalformedError):
            self.batch(b"[" * 3_000_000)


class TestBinary:
    def binary(self, headers: dict[str, str], body: bytes = b"", content_type: str | None = None) -> Any:
        given = {name: str(text) for name, text in EVENT.items()} | headers
        return events.read_binary(given, content_type, body, now=NOW, largest=LARGEST)

    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
            ('"quoted \\"text\\""', 'quoted "text"'),
            ("100%", "100%"),
            ("%25%32%30", "%20"),
            ("caf\u00c3\u00a9", "café"),  # UTF-8 in the raw, as HTTP hands it over
            ("a+b", "a+b"),
        ],
    )
    def test_header_values_are_unquoted_and_percent_decoded_once(self, header: str, value: str) -> None:
        assert self.binary({"subject": header}).attributes == {"subject": value}

    @pytest.mark.parametrize("header", ["%FF", "\u00ff", "%ED%A0%80"])
    def test_what_is_no_utf8_is_refused_now_and_when_it_is_read_again(self, header: str) -> None:
        found = self.binary({"subject": header})
        assert (found.reason, found.id) == (Reason.BAD_ATTRIBUTE, "e-1")
        assert refused(found.raw).detail == found.detail

    def test_what_was_refused_can_be_read_again(self) -> None:
        found = self.binary({"type": "unheard.of"}, b"\x00", "image/png")
        mended = found.raw.replace(b"unheard.of", b"step.completed")
        assert taken(mended).attributes == {"datacontenttype": "image/png", "dataencoding": "base64"}

    def test_headers_cannot_pass_for_the_payload(self) -> None:
        found = self.binary(
            {"data": "1", "data_base64": "AA==", "datacontenttype": "image/png"}, b"2", "text/json"
        )
        assert found.data == "2"
        assert found.attributes == {"ce-data": "1", "ce-data_base64": "AA==", "datacontenttype": "text/json"}

    def test_an_empty_body_is_no_payload(self) -> None:
        assert self.binary({}, b"", "application/json").data is None

    def test_a_body_that_should_be_json_and_is_not(self) -> None:
        with pytest.raises(MalformedError, match="at byte 1"):
            self.binary({}, b"{a}", "application/json")


def test_the_documentation_names_every_kind_reason_and_attribute() -> None:
    told = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
    for word in [*Kind, *Reason, *LONGEST]:
        assert f"`{word}`" in told, word
