"""The list of sagas: what is found, how pages follow each other, why it is empty, what moves."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from console import search
from console.search import Asked
from console.web import paging
from sagas.models import Saga
from sagas.vocabulary import Status
from tests.console.cast import Person
from tests.console.web.scene import Scene, make_saga, page


def ids(html: str) -> list[str]:
    return re.findall(r'<a class="row-link mono" href="[^"]+"><bdi>([^<]+)</bdi>', html)


def link(html: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', html)
    return f"/sagas/{found[1]}".replace("&amp;", "&") if found else ""


@pytest.mark.parametrize(
    "text", ["order-8492", "order-84", "8492", "84", "129.90 EUR", "129", "  order-8492 "]
)
def test_it_is_found_by_the_beginning_of_id_key_or_value(text: str, scene: Scene, viewer: Person) -> None:
    scene.saga.keys.create(name="order total", value="129.90 EUR", links=False)
    make_saga("other-1", keys={"order": "7000"})
    assert ids(page(viewer, f"/sagas/?q={text}")) == ["order-8492"]


@pytest.mark.parametrize("text", ["rder-8492", "ORDER-8492", "%", "order_8492", "order-8492x"])
def test_other_text_does_not_match(text: str, scene: Scene, viewer: Person) -> None:
    html = page(viewer, f"/sagas/?q={text}".replace("%", "%25"))
    assert ids(html) == []
    assert "begins with" in html


def test_a_wide_search_finds_the_newest(
    scene: Scene, viewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "NARROW", 3)
    for number in range(5):
        make_saga(f"wide-{number}")
        make_saga(f"keyed-{number}", keys={"order": f"wide-{number}"})
    found = search.sagas(Asked(q="wide"), None).order_by("-pk").values_list("saga_id", flat=True)
    assert list(found) == [f"{kind}-{number}" for number in range(4, -1, -1) for kind in ("keyed", "wide")]


def test_chips_narrow_it_down_and_are_taken_away_again(scene: Scene, viewer: Person) -> None:
    make_saga("done-1", status=Status.COMPLETED)
    make_saga("pay-1", saga_type="wallet-payment")
    assert ids(page(viewer, "/sagas/?status=completed")) == ["done-1"]
    assert ids(page(viewer, "/sagas/?type=wallet-payment")) == ["pay-1"]
    html = page(viewer, "/sagas/?condition=in_doubt")
    assert ids(html) == ["order-8492"]
    assert re.search(r'href="\?"[^>]*aria-current="true"[^>]*>.*In doubt', html)
    assert ids(page(viewer, f"/sagas/?problem={scene.problem.pk}")) == ["order-8492"]
    assert scene.problem.title in page(viewer, f"/sagas/?problem={scene.problem.pk}")


def test_pages_follow_each_other_whatever_comes_in_between(
    scene: Scene, viewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging.page, "__defaults__", ("pk", 3))
    for number in range(7):
        make_saga(f"n-{number}", status=Status.COMPLETED)
    first = page(viewer, "/sagas/?status=completed")
    assert ids(first) == ["n-6", "n-5", "n-4"]
    make_saga("new", status=Status.COMPLETED)
    second = page(viewer, link(first, "next"))
    assert ids(second) == ["n-3", "n-2", "n-1"]
    third = page(viewer, link(second, "next"))
    assert ids(third) == ["n-0"]
    assert link(third, "next") == ""
    assert ids(page(viewer, link(third, "prev"))) == ["n-3", "n-2", "n-1"]
    back = page(viewer, link(page(viewer, link(third, "prev")), "prev"))
    assert ids(back) == ["n-6", "n-5", "n-4"]
    assert ids(page(viewer, link(back, "prev"))) == ["new"]


def test_a_live_update_keeps_the_rows_and_tells_how_many_are_new(scene: Scene, viewer: Person) -> None:
    make_saga("n-1")
    html = page(viewer, "/sagas/?status=running")
    assert ids(html) == ["n-1", "order-8492"]
    address = re.search(r'id="rows"[^>]*data-live-from="([^"]+)"', html)[1].replace("&amp;", "&")
    make_saga("n-2")
    make_saga("n-3")
    Saga.objects.filter(saga_id="n-1").update(status=Status.COMPLETED)
    live = page(viewer, address)
    assert ids(live) == ["n-1", "order-8492"]
    assert "Completed" in live[live.index('id="rows"') :]
    assert ">2 new</a>" in live
    assert ">2 new</a>" not in page(viewer, "/sagas/?status=running")


def test_the_count_is_announced_and_capped(
    scene: Scene, viewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert re.search(r'id="count"[^>]*>1<', page(viewer, "/sagas/"))
    monkeypatch.setattr(search, "COUNT_CAP", 2)
    for number in range(3):
        make_saga(f"n-{number}")
    assert re.search(r'id="count"[^>]*>2\+<', page(viewer, "/sagas/"))


def test_an_empty_list_says_why(scene: Scene, viewer: Person) -> None:
    assert "No saga has an id, key or value that begins with “zzz”" in page(viewer, "/sagas/?q=zzz")
    html = page(viewer, "/sagas/?q=order&status=completed")
    assert "begins with “order” · Completed." in html
    assert "Without the filters there are 1." in html
    assert "has recovered" in page(viewer, "/sagas/?problem=999")


def test_with_no_saga_at_all_it_says_how_to_begin(viewer: Person) -> None:
    assert "No saga has been heard of yet." in page(viewer, "/sagas/")


def test_types_are_told_by_jumping_through_the_index(scene: Scene) -> None:
    for saga_type in ("b", "a", "c"):
        for number in range(3):
            make_saga(f"n-{number}", saga_type=saga_type)
    with CaptureQueriesContext(connection) as queries:
        assert search.types() == ["a", "b", "c", "order-fulfilment"]
    assert len(queries) == 1


def test_a_saga_is_linked_whatever_its_id_holds(viewer: Person) -> None:
    make_saga("a/b?c#d%2F e", saga_type="t/x")
    assert 'href="/sagas/t%2Fx/a%2Fb%3Fc%23d%252F%20e/"' in page(viewer, "/sagas/")
