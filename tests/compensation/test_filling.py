"""Requests are filled to the letter, and lead nowhere else than to the participant."""

import json
import posixpath
from decimal import Decimal
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compensation.filling import UnfilledError, fill_body, fill_url, is_below, payload
from sagas import audit

BASE = "https://payment.example:8443/amends"


def values(**known: object):
    def value(name: str) -> object:
        if name not in known:
            raise UnfilledError(f"{{{name}}} means nothing here")
        return known[name]

    return value


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{x}", '"text"'),
        ("{n}", "129"),
        ("{money}", "49.90"),
        ("{list}", '[1, {"a": null}]'),
        ("{none}", "null"),
        ("{yes}", "true"),
        ("{money} EUR for {x}", '"49.90 EUR for text"'),
        ("{yes}!", '"true!"'),
        ({"a": ["{n}", 1.5, None], "b": "plain"}, '{"a": [129, 1.5, null], "b": "plain"}'),
        ({}, "{}"),
        (None, ""),
        ("{brace}", '"{x}"'),
    ],
)
def test_bodies(template: object, expected: str):
    known = values(
        x="text", n=129, money=Decimal("49.90"), list=[1, {"a": None}], none=None, yes=True, brace="{x}"
    )
    assert fill_body(template, known) == expected


@pytest.mark.parametrize("name", ["none", "list", "object", "empty"])
def test_what_cannot_stand_within_a_text_is_refused(name: str):
    known = values(none=None, list=[], object={}, empty="")
    with pytest.raises(UnfilledError, match=name):
        fill_body(f"so much: {{{name}}}", known)
    with pytest.raises(UnfilledError, match=name):
        fill_url(BASE, f"/steps/{{{name}}}", known)


def test_numbers_keep_their_digits():
    data = payload('{"amount": 12345678901234567890.1200, "id": 18446744073709551617}')
    assert (
        fill_body("{a}", values(a=data))
        == '{"amount": 12345678901234567890.1200, "id": 18446744073709551617}'
    )
    assert payload("not json") is None
    assert payload(None) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("order 1/2", "order%201%2F2"),
        ("a/..b/...", "a%2F..b%2F..."),
        ("//evil.example", "%2F%2Fevil.example"),
        ("@evil.example", "%40evil.example"),
        ("a?b=c#d", "a%3Fb%3Dc%23d"),
        ("x\r\nHost: evil", "x%0D%0AHost%3A%20evil"),
        ("ü", "%C3%BC"),
    ],
)
def test_values_are_encoded_in_addresses(value: str, expected: str):
    assert fill_url(BASE, "/steps/{saga}?saga={saga}", values(saga=value)) == (
        f"{BASE}/steps/{expected}?saga={expected}"
    )


@pytest.mark.parametrize(
    ("path", "saga"),
    [
        ("//evil.example/x", ""),
        ("x", ""),
        ("/a/../../x", ""),
        ("/a/{saga}/x", ".."),
        ("/a/{saga}/x", "."),
        ("/a/{saga}/x", "../../admin"),
        ("/a/{saga}/x", "o-1/.."),
        ("/a/{saga}/x", "..\\admin"),
        ("/a/{saga}/x", "..;/admin"),
        ("/a/{saga}/x", "..;v=1/admin"),
        ("/a/{saga}/x", "%2e%2e%2fadmin"),
        ("/a/{saga}/x", "%252E./x"),
        ("/a/%2E%2e/x", ""),
        ("/a\\x", ""),
        ("/a#x", ""),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str, saga: str):
    with pytest.raises(UnfilledError):
        fill_url(BASE, path, values(saga=saga))


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://payment.example:8443/other", BASE),
        ("https://payment.example:8443/amendsX/a", BASE),
        ("https://payment.example/amends/a", BASE),
        ("http://payment.example:8443/amends/a", BASE),
        ("https://payment.example:8443@evil.example/amends/a", BASE),
        ("https://evil.example/amends/a", BASE),
        ("https://payment.example:99999/amends/a", BASE),
        ("ftp://payment.example/a", "ftp://payment.example"),
        ("http:///a", "http://"),
        ("http://payment.example?x/a", "http://payment.example?x"),
    ],
)
def test_what_is_not_below_the_address(url: str, base: str):
    assert not is_below(url, base)


@given(st.text(min_size=1, max_size=40) | st.text("./\\;%25eEfFa", min_size=1, max_size=12))
def test_no_value_leads_out(value: str):
    """Not even where it is decoded before it is looked at."""
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        return
    try:
        url = fill_url(BASE, "/steps/{saga}/status?saga={saga}", values(saga=value))
    except UnfilledError:
        assert "." in value or "%" in value
        return
    assert is_below(url, BASE)
    assert url.count("/") == BASE.count("/") + 3
    path = urlsplit(url).path
    while path != unquote(path):
        path = unquote(path)
        segments = [segment.partition(";")[0] for segment in path.replace("\\", "/").split("/")]
        assert posixpath.normpath("/".join(segments)).startswith("/amends/steps/")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=10))
def test_any_value_keeps_its_type(value: object):
    body = fill_body({"a": "{x}"}, values(x=value))
    assert json.loads(body) == {"a": value}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1e999999999999999999999}',
        '{"a": -1e-999999999999999999999}',
        '{"a": %s}' % ("9" * 5000),
        "[" * 101 + "]" * 101,
        '{"a":' * 101 + "1" + "}" * 101,
        "[" * 8000,
        '"\\ud800"',
        "{",
        "",
    ],
)
def test_what_cannot_be_read_is_nothing(text: str):
    assert payload(text) is None
    assert payload(text.encode()) is None


def jsons(depth: int) -> st.SearchStrategy[str]:
    numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,25})?", fullmatch=True)
    return st.tuples(numbers, st.integers(0, depth)).map(lambda one: "[" * one[1] + one[0] + "]" * one[1])


@given(jsons(150))
def test_whatever_can_be_read_can_be_recorded_and_sent(text: str):
    data = payload(text)
    assert audit.plain({"answer": data})
    assert fill_body({"a": "{a}"}, values(a=data))
