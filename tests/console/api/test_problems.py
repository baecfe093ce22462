"""Whatever is wrong under /api/, the answer is a problem (RFC 9457) that says what."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.exceptions import Throttled

from console.permissions import Role
from tests.console import world
from tests.console.cast import person

pytestmark = pytest.mark.django_db
STANDARD = {"type", "title", "status", "code", "detail"}


@pytest.fixture
def client() -> Client:
    return person("vera", Role.VIEWER).program


def problem(answer: Any) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert set(body) >= STANDARD
    assert (body["status"], body["title"]) == (answer.status_code, answer.reason_phrase)
    return body


def test_an_address_that_is_none(client: Client) -> None:
    for address in ("/api/v1/saga", "/api/v2/sagas", "/api/", "/api/v1/sagas/"):
        assert problem(client.get(address))["code"] == "not_found"


def test_a_page_that_is_none_is_a_page(client: Client) -> None:
    answer = client.get("/nothing/here")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_a_method_that_is_not_taken(client: Client) -> None:
    answer = client.put("/api/v1/sagas")
    assert (problem(answer)["code"], answer["Allow"]) == ("method_not_allowed", "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (None, "Authentication credentials were not provided."),
        ("Bearer", "The Authorization header must be: Bearer <token>."),
        ("Bearer a b", "The Authorization header must be: Bearer <token>."),
        ("Bearer amd_unknown", "This token is not known, or was revoked."),
        ("Bearer \xff", "This token is not known, or was revoked."),
        ("Basic YTpi", "Authentication credentials were not provided."),
    ],
)
def test_who_is_not_known_is_told_how_to_be(header: str | None, detail: str) -> None:
    answer = Client().get("/api/v1/sagas", headers={"Authorization": header} if header else {})
    assert (problem(answer)["detail"], answer.status_code) == (detail, 401)
    assert answer["WWW-Authenticate"] == 'Bearer realm="amends"'


def test_a_participant_s_key_opens_nothing_but_its_own_door(client: Client) -> None:
    secret = world.build().secret
    answer = Client().get("/api/v1/sagas", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
    answer = client.post("/api/v1/events", {}, content_type="application/cloudevents+json")
    assert answer.status_code == 401


def test_a_refusal_says_who_could(client: Client) -> None:
    answer = client.post("/api/v1/participants", {"name": "payment"}, content_type="application/json")
    assert problem(answer)["detail"] == (
        "Only a person with the role admin may manage participants, keys and definitions. "
        "Ask one of them, or an admin for the role."
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("body", ["{", "[]", "nul", '"a"', '{"a": NaN}', "[" * 100_000])
def test_a_body_that_is_no_object(body: str) -> None:
    client = person("ada", Role.ADMIN).program
    answer = client.generic("POST", "/api/v1/participants", body, content_type="application/json")
    assert (problem(answer)["code"], answer.status_code) == ("parse_error", 400)


def test_a_body_of_another_kind() -> None:
    client = person("ada", Role.ADMIN).program
    answer = client.post("/api/v1/participants", {"name": "payment"})
    assert (problem(answer)["code"], answer.status_code) == ("unsupported_media_type", 415)


def test_half_a_character_is_quoted_back_as_a_whole_one() -> None:
    client = person("ada", Role.ADMIN).program
    body = r'{"name": "x", "\ud83d": 1}'
    answer = client.generic("POST", "/api/v1/participants", body, content_type="application/json")
    assert answer.status_code == 400 and problem(answer)


def test_what_fails_in_amends_tells_nothing_of_why(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    world.build()

    def broken(*args: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("sagas.standing.of", broken)
    client.raise_request_exception = False
    answer = client.get("/api/v1/sagas/order/o-2")
    assert (problem(answer)["code"], answer.status_code) == ("server_error", 500)
    assert b"secret" not in answer.content


def test_too_many_requests_are_told_when_to_come_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tired(*args: Any) -> None:
        raise Throttled(wait=7)

    monkeypatch.setattr("rest_framework.views.APIView.check_throttles", tired)
    answer = client.get("/api/v1/sagas")
    assert (problem(answer)["code"], answer.status_code, answer["Retry-After"]) == ("throttled", 429, "7")


def test_nobody_keeps_what_was_told(client: Client) -> None:
    for address in ("sagas", "tokens", "sagas/none/none"):
        assert "no-store" in client.get(f"/api/v1/{address}")["Cache-Control"]


def test_a_host_that_is_not_ours(client: Client) -> None:
    answer = client.get("/api/v1/sagas", headers={"Host": "evil.example"})
    assert (problem(answer)["code"], answer.status_code) == ("bad_request", 400)
