"""The audit log is searched by who, what, to what, saga, time and why, each by an index."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from console import audit_search
from console.audit_search import Search
from console.permissions import Role
from sagas import audit
from sagas.audit import Actor, Entry
from sagas.models import AuditEntry, Saga
from tests.console.cast import person

pytestmark = pytest.mark.django_db

ENTRIES = 4000
LONG = "💥" * 700


@pytest.fixture
def log() -> None:
    saga, other = (Saga.objects.create(saga_type="order", saga_id=name) for name in ("o/1", "o-2"))
    with transaction.atomic():
        audit.record_all(
            Entry(
                Actor("person", f"person-{number % 20}"),
                "repair.started" if number % 2 else "repair.confirmed",
                ("repair", f"R-{number}"),
                other if number == 7 else None,
                f"the customer waits for parcel {number}",
            )
            for number in range(ENTRIES)
        )
        audit.record_all(
            [
                Entry(
                    Actor("person", "ada"),
                    "finding.accepted",
                    ("saga", LONG),
                    saga,
                    "Kühlkette: known, OPS-17",
                ),
                Entry(Actor("person", "adam"), "finding.withdrawn", ("saga", LONG + "!"), saga, "not known"),
            ]
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sagas_auditentry")
        cursor.execute("ANALYZE sagas_saga")


def found(search: Search) -> int:
    return audit_search.find(search).count()


def test_each_way_to_search_narrows(log: None) -> None:
    whole = Search()
    beginning = Search(is_beginning=True)
    assert found(whole) == ENTRIES + 2
    assert found(replace(whole, actor="ada")) == 1
    assert found(replace(beginning, actor="ada")) == 2
    assert found(replace(whole, action="finding.")) == 0
    assert found(replace(beginning, action="finding.")) == 2
    assert found(replace(whole, object_kind="saga")) == 2
    assert found(replace(whole, object_id=LONG)) == 1
    assert found(replace(beginning, object_id=LONG[:300])) == 2
    assert found(replace(beginning, object_kind="repair", object_id="R-399")) == 11
    assert found(replace(whole, saga_type="order")) == 3
    assert found(replace(whole, saga_id="o/1")) == 2
    assert found(replace(whole, reason="KNOWN")) == 2
    assert found(replace(whole, reason="known kühlkette")) == 1
    assert found(replace(whole, reason="known -kühlkette")) == 1
    assert found(replace(whole, reason='"not known"')) == 1
    assert found(replace(whole, reason="know")) == 0
    now = timezone.now()
    assert found(replace(whole, since=now)) == 0
    assert found(replace(whole, since=now - timedelta(hours=1), until=now)) == ENTRIES + 2
    assert found(replace(whole, until=now - timedelta(hours=1))) == 0


@pytest.mark.parametrize("hostile", ["'", '"', "a & | ! b", "-", "%", "_", "\\", ":*", "<->", "x" * 5000])
def test_what_is_hostile_finds_nothing_and_breaks_nothing(log: None, hostile: str) -> None:
    for name in ("actor", "action", "object_kind", "object_id", "saga_type", "saga_id", "reason"):
        for is_beginning in (True, False):
            assert found(Search(**{name: hostile, "is_beginning": is_beginning})) == 0


@pytest.mark.parametrize(
    ("search", "index"),
    [
        (Search(actor="ada"), "audit_of_actor"),
        (Search(actor="ada", is_beginning=True), "audit_of_actor"),
        (Search(action="finding.accepted"), "audit_of_action"),
        (Search(action="finding.", is_beginning=True), "audit_of_action"),
        (Search(object_kind="repair", object_id="R-17"), "audit_of_object"),
        (Search(object_kind="repair", object_id="R-17", is_beginning=True), "audit_of_object"),
        (Search(saga_type="order", saga_id="o/1"), "sagas_auditentry_saga_id"),
        (Search(reason="parcel 17"), "audit_words"),
        (Search(since=timezone.now() + timedelta(hours=1)), "audit_at"),
    ],
    ids=str,
)
def test_it_is_done_by_an_index(log: None, search: Search, index: str) -> None:
    plan = audit_search.find(search).order_by("-sequence")[:51].explain()
    assert index in plan, plan


def test_a_search_is_kept_as_json() -> None:
    search = Search(actor="ada", reason="known", since=timezone.now(), is_beginning=True)
    assert Search.load(search.dump()) == search
    assert Search.load({}) == Search()
    assert str(Search(object_kind="saga", actor="ada", is_beginning=True)) == "actor ada, object kind saga"


@pytest.fixture
def client() -> Client:
    return person("vera", Role.VIEWER).program


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"reason": "known"}, 2),
        ({"reason": '"not known"'}, 1),
        ({"object_id": LONG}, 1),
        ({"object_kind": "repair", "object_id": "R-1"}, 1),
        ({"object_id": "R-"}, 0),
        ({"reason": "known", "actor": "ada"}, 1),
    ],
)
def test_the_api_searches_too(log: None, client: Client, query: dict[str, Any], count: int) -> None:
    assert len(client.get("/api/v1/audit", query).json()["results"]) == count


def test_pages_of_a_search_follow_each_other(log: None, client: Client) -> None:
    query: Any = {"actor": "person-3", "reason": "customer waits", "limit": 60}
    address, seen = "/api/v1/audit", []
    while address:
        page = client.get(address, query if address == "/api/v1/audit" else None).json()
        seen += [row["sequence"] for row in page["results"]]
        address = page["next"]
    assert seen == [*AuditEntry.objects.filter(actor="person-3").values_list("sequence", flat=True)]
    assert len(seen) == ENTRIES / 20


def test_the_page_searches_words_of_the_reason(log: None) -> None:
    html = (
        person("vera", Role.VIEWER)
        .browser.get("/audit/", {"reason": "known", "actor": "ada"})
        .content.decode()
    )
    assert html.count("data-row") == 2
    assert 'name="reason" value="known"' in html
