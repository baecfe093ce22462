"""The API is described as it is: valid OpenAPI 3.1, nothing missing, and a page without inline script."""

import re
from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import get_resolver
from drf_spectacular.validation import validate_schema

# Not described: the description itself.
SILENT = {"api/v1/schema", "api/v1/docs"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    answer = Client().get("/api/v1/schema")
    assert answer.status_code == 200
    described: dict[str, Any] = answer.json()
    return described


def test_it_is_valid(schema: dict[str, Any]) -> None:
    assert schema["openapi"] == "3.1.0"
    validate_schema(schema)


def test_yaml_says_the_same(schema: dict[str, Any]) -> None:
    answer = Client().get("/api/v1/schema", headers={"Accept": "application/vnd.oai.openapi"})
    assert yaml.safe_load(answer.content) == schema


def test_every_address_is_described(schema: dict[str, Any]) -> None:
    routes = {
        route
        for pattern in get_resolver().url_patterns
        if str(pattern.pattern) == "api/v1/"
        for route in (f"api/v1/{inner.pattern}" for inner in pattern.url_patterns)
    }
    shapes = {re.sub(r"<[^>]+>", "{}", route) for route in routes - SILENT}
    assert {re.sub(r"{[^}]+}", "{}", path).lstrip("/") for path in schema["paths"]} == shapes


def operations(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in schema["paths"].items()
        for method, operation in item.items()
    ]


def test_every_operation_says_how_it_is_opened_and_how_it_fails(schema: dict[str, Any]) -> None:
    for name, operation in operations(schema):
        assert operation["security"], name
        assert {} not in operation["security"], name
        failures = [told for status, told in operation["responses"].items() if not status.startswith("2")]
        assert failures, name
        for told in failures:
            assert list(told["content"]) == ["application/problem+json"], name
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_the_contract_of_a_saga(schema: dict[str, Any]) -> None:
    saga = schema["components"]["schemas"]["SagaDetailOut"]
    wanted = "type id status condition open_effects unknown_effects revision findings steps events"
    assert set(wanted.split()) <= set(saga["required"])


def test_the_docs_need_no_inline_script_or_style() -> None:
    client = Client()
    page = client.get("/api/v1/docs")
    html = page.content.decode()
    assert page.status_code == 200
    assert not re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", html)
    assert "'unsafe-inline'" not in page["Content-Security-Policy"]
    (script,) = re.findall(r'src="(/api/v1/docs\?script=)"', html)
    answer = client.get(script)
    assert answer["Content-Type"].startswith("application/javascript")
    assert b'url: "/api/v1/schema"' in answer.content or rb"\u002Fschema" in answer.content
