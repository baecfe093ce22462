"""A saga's id may hold any character: its address leads to it, and to nothing else."""

import asyncio
from urllib.parse import unquote

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import RequestFactory
from django.urls import resolve
from hypothesis import given
from hypothesis import strategies as st

from console import paths

# What PostgreSQL can keep as text, without the words that clients take out of paths by themselves.
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)


def asked(address: str, root: str = "") -> ASGIRequest:
    """The request as an ASGI server hands it over."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": root + unquote(address),
        "raw_path": (root + address).encode(),
        "root_path": root,
        "headers": [],
        "query_string": b"",
    }
    request = ASGIRequest(scope, None)
    request.path_info = paths.marked(request)
    return request


@given(names, names)
@pytest.mark.parametrize("end", ["", "/events"])
def test_every_pair_of_names_has_an_address_of_its_own(end: str, saga_type: str, saga_id: str) -> None:
    address = f"/api/v1/sagas/{paths.quoted(saga_type)}/{paths.quoted(saga_id)}{end}"
    request = asked(address)
    found = resolve(request.path_info)
    assert found.kwargs == {"saga_type": saga_type, "saga_id": saga_id}
    assert found.url_name == ("saga_events" if end else "saga")
    assert paths.address_of(request) == address


def test_plain_slashes_in_an_id_are_taken_too() -> None:
    found = resolve(asked("/api/v1/sagas/order/2026/11/22/events").path_info)
    assert found.kwargs == {"saga_type": "order", "saga_id": "2026/11/22"}
    assert found.url_name == "saga_events"


def test_below_a_prefix() -> None:
    request = asked("/api/v1/sagas/a%2Fb/c%2Fevents", root="/amends")
    assert resolve(request.path_info).kwargs == {"saga_type": "a/b", "saga_id": "c/events"}
    assert paths.address_of(request) == "/amends/api/v1/sagas/a%2Fb/c%2Fevents"


def test_a_path_that_is_no_text_stays_as_the_server_read_it() -> None:
    request = asked("/api/v1/sagas/order/%ff%2fevents")
    assert resolve(request.path_info).kwargs["saga_id"] == "\ufffd/events"


def test_without_a_raw_path_nothing_changes() -> None:
    def get_response(request: object) -> object:
        return request

    assert paths.keep_encoded_slashes(get_response) is get_response
    request = RequestFactory().get("/api/v1/sagas/order/a%2Fb")
    assert resolve(request.path_info).kwargs["saga_id"] == "a/b"
    assert paths.address_of(request) == "/api/v1/sagas/order/a/b"


def test_the_middleware_marks_the_path() -> None:
    async def get_response(request: ASGIRequest) -> str:
        return request.path_info

    request = asked("/a%2Fb")
    request.path_info = request.path
    respond = paths.keep_encoded_slashes(get_response)
    assert asyncio.run(respond(request)) == f"/a{paths.SLASH_IN_NAME}b"
