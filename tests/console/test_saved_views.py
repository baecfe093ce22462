"""Saved views: kept as the list understands them, found by whom they are meant for, and by nobody else."""

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from console import saved_views
from console.models import SavedView
from console.permissions import Role
from sagas import definitions
from sagas.audit import Actor
from sagas.models import AuditEntry
from tests.console.cast import Person, person, post

pytestmark = pytest.mark.django_db

MASKING = """\
type: order
version: "1"
keys: {card: card.number}
masked: [card.number]
steps: [{name: pay, kind: pivot}]
"""
HOSTILE = """<script>alert(1)</script>'"&{{ 7|add:7 }}"""


@pytest.fixture
def vera() -> Person:
    return person("vera", Role.VIEWER)


@pytest.fixture
def otto() -> Person:
    return person("otto", Role.OPERATOR)


@pytest.fixture
def ada() -> Person:
    return person("ada", Role.ADMIN)


def keep(who: Person, name: str = "late", **words: str) -> Any:
    return who.browser.post("/views/", {"name": name, **(words or {"status": "failed"})})


def share(who: Person, name: str = "late", **words: str) -> SavedView:
    assert keep(who, name, shared="yes", **(words or {"status": "failed"})).status_code == 303
    return SavedView.objects.get(owner=who.user, name=name)


def text(who: Person, address: str = "/sagas/") -> str:
    answer = who.browser.get(address)
    assert answer.status_code == 200
    html: str = answer.content.decode()
    return html


def listed(client: Client) -> list[str]:
    return [row["name"] for row in client.get("/api/v1/views").json()["results"]]


def acts() -> list[str]:
    return list(
        AuditEntry.objects.filter(object_kind="view").order_by("sequence").values_list("action", flat=True)
    )


def test_what_is_filtered_is_kept_and_leads_back_to_it(vera: Person, otto: Person) -> None:
    assert "Save this view…" not in text(vera)
    assert "Save this view…" in text(vera, "/sagas/?status=failed&type=a%26b")
    answer = keep(
        vera, "  late\n ones ", status="failed", type="a&b", q=" o-1 ", before="7", next="//evil.example"
    )
    assert (answer.status_code, answer["Location"]) == (303, "/sagas/?q=o-1&type=a%26b&status=failed")
    view = SavedView.objects.get()
    assert (view.name, view.query) == ("late ones", {"q": "o-1", "type": "a&b", "status": "failed"})
    html = text(vera, answer["Location"])
    assert 'aria-current="true"><bdi>late ones</bdi>' in html
    assert "Save this view…" not in html
    assert "late ones" not in text(otto) + text(otto, "/views/")
    assert acts() == []


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("", {"q": "o"}, "Give it a name."),
        (" \n", {"q": "o"}, "Give it a name."),
        ("x" * 81, {"q": "o"}, "longer than 80"),
        ("a\0b", {"q": "o"}, "cannot be seen"),
        ("a\u202eb", {"q": "o"}, "cannot be seen"),
        ("late", {"before": "7"}, "Nothing is filtered"),
        ("late", {"status": "broken"}, "no such status"),
        ("late", {"condition": "fine"}, "no such condition"),
        ("late", {"problem": "x"}, "no such problem"),
        ("late", {"left_by": "-1"}, "no such left_by"),
        ("taken", {"q": "o"}, "“taken” already"),
    ],
)
def test_what_cannot_be_kept_says_why(vera: Person, name: str, words: dict[str, str], said: str) -> None:
    keep(vera, "taken")
    answer = keep(vera, name, **words)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert SavedView.objects.count() == 1


def test_a_person_keeps_only_so_many(vera: Person, otto: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_views, "MOST", 2)
    assert [keep(vera, name).status_code for name in "abc"] == [303, 303, 422]
    assert keep(otto, "a").status_code == 303


def test_shared_ones_are_found_by_everybody_and_kept_in_the_log(vera: Person, otto: Person) -> None:
    view = share(otto, "late ones")
    html = text(vera, "/sagas/?status=failed")
    assert (
        'aria-current="true"><bdi>late ones</bdi><span class="push muted small nowrap">by <bdi>otto</bdi>'
        in html
    )
    changed = {"name": "later ones", "shared": "yes"}
    assert otto.browser.post(f"/views/{view.pk}/change", changed).status_code == 303
    assert "later ones" in text(vera)
    assert otto.browser.post(f"/views/{view.pk}/change", {"name": "later ones"}).status_code == 303
    assert "later ones" not in text(vera)
    assert acts() == ["view.shared", "view.changed", "view.removed"]
    assert otto.browser.post(f"/views/{view.pk}/change", changed).status_code == 303
    assert otto.browser.post(f"/views/{view.pk}/remove").status_code == 303
    assert acts()[3:] == ["view.shared", "view.removed"]
    last = AuditEntry.objects.filter(action="view.removed").latest("sequence")
    assert last.before == {"name": "later ones", "owner": "otto", "query": {"status": ["failed"]}}


def test_who_may_not_share_does_not(vera: Person) -> None:
    assert 'name="shared"' not in text(vera, "/sagas/?status=failed")
    answer = keep(vera, shared="yes", status="failed")
    assert answer.status_code == 403
    assert b"with the role operator" in answer.content
    keep(vera)
    pk = SavedView.objects.get().pk
    assert vera.browser.post(f"/views/{pk}/change", {"name": "b", "shared": "yes"}).status_code == 403
    assert (
        post(vera.program, "views", {"name": "c", "query": {"q": "o"}, "is_shared": True}).status_code == 403
    )
    assert list(SavedView.objects.values_list("name", "is_shared")) == [("late", False)]


def test_others_views_are_removed_by_an_admin_alone_and_only_shared_ones(
    vera: Person, otto: Person, ada: Person
) -> None:
    shared = share(otto)
    keep(vera, "mine")
    mine = SavedView.objects.get(name="mine")
    other = person("olaf", Role.APPROVER)
    assert other.browser.post(f"/views/{shared.pk}/change", {"name": "x"}).status_code == 404
    assert other.browser.post(f"/views/{shared.pk}/remove").status_code == 403
    assert other.program.delete(f"/api/v1/views/{shared.pk}").status_code == 403
    assert "Remove…" not in text(other, "/views/")
    for who in (other, ada):
        assert who.browser.post(f"/views/{mine.pk}/remove").status_code == 404
        assert who.program.delete(f"/api/v1/views/{mine.pk}").status_code == 404
    assert SavedView.objects.count() == 2
    assert "Remove…" in text(ada, "/views/")
    assert ada.browser.post(f"/views/{shared.pk}/remove").status_code == 303
    assert list(SavedView.objects.all()) == [mine]
    assert AuditEntry.objects.filter(action="view.removed", actor="ada").count() == 1


def test_what_may_be_masked_is_shared_with_nobody(vera: Person, otto: Person, ada: Person) -> None:
    share(otto, "4111", q="4111", type="order")
    share(otto, "plain", type="order")
    assert listed(vera.program) == ["plain", "4111"]
    definitions.load(MASKING, "order.yaml", Actor.system())
    for who in (vera, ada):
        assert listed(who.program) == ["plain"]
        assert "4111" not in text(who) + text(who, "/views/")
    assert "only you<span" in text(otto, "/views/")
    assert 'name="shared"' not in text(ada, "/sagas/?q=4222")
    answer = keep(ada, "card", shared="yes", q="4222")
    assert answer.status_code == 422
    assert "may be a value that is masked" in answer.content.decode()
    assert keep(ada, "card", q="4222").status_code == 303
    assert "4222" not in text(vera) + str(list(AuditEntry.objects.values_list("after", flat=True)))


def test_programs_take_a_view_as_parameters_of_the_sagas(vera: Person, otto: Person) -> None:
    asked = {"q": "o-", "status": "failed", "problem": "7"}
    answer = post(otto.program, "views", {"name": "late", "query": asked, "is_shared": True})
    assert answer.status_code == 201
    (row,) = vera.program.get("/api/v1/views").json()["results"]
    assert row == answer.json()
    assert (row["name"], row["query"], row["is_shared"], row["owner"]) == ("late", asked, True, "otto")
    assert vera.program.get("/api/v1/sagas", row["query"]).status_code == 200
    for wrong in ({"key": "a:b"}, {"status": "broken"}, {}):
        answer = post(otto.program, "views", {"name": "x", "query": wrong})
        assert (answer.status_code, SavedView.objects.count()) == (400, 1)
    assert otto.program.delete(f"/api/v1/views/{row['id']}").status_code == 204
    assert listed(vera.program) == []


def test_a_batch_is_named_by_its_view(otto: Person) -> None:
    share(otto, "late ones")
    assert "late ones: Failed." in text(otto, "/batches/new?status=failed")


def test_what_people_write_is_shown_as_text(otto: Person) -> None:
    share(otto, HOSTILE, type=HOSTILE)
    keep(otto, f"2{HOSTILE}", q=HOSTILE)
    refused = keep(otto, HOSTILE, q=HOSTILE).content.decode()
    for html in (text(otto), text(otto, f"/sagas/?q={quote(HOSTILE)}"), text(otto, "/views/"), refused):
        assert "<script>alert" not in html
        assert "&lt;script&gt;" in html
