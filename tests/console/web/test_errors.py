"""Pages for what went wrong."""

import pytest
from django.template.loader import get_template
from django.test import Client

from console.web import attention
from tests.console.cast import Person
from tests.console.web.scene import Scene


def test_a_missing_page_says_so(scene: Scene, viewer: Person, stranger: Client) -> None:
    answer = viewer.browser.get("/no/such/<b>page</b>")
    assert answer.status_code == 404
    assert "/no/such/&lt;b&gt;page&lt;/b&gt;" in answer.content.decode()
    assert stranger.get("/no/such/page").status_code == 404


@pytest.mark.parametrize("name", ["400.html", "403_csrf.html", "429.html", "500.html"])
def test_pages_for_when_nothing_works_ask_nobody(name: str) -> None:
    """Without a request, and (as this test may not) without the database."""
    html = get_template(name).render()
    assert "Amends" in html
    assert "/static/console/tokens.css" in html


def test_a_failure_is_a_page_that_tells_nothing_of_the_inside(
    scene: Scene, viewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(attention, "silent_since", fail)
    viewer.browser.raise_request_exception = False
    answer = viewer.browser.get("/")
    assert answer.status_code == 500
    assert "Something failed in Amends" in answer.content.decode()
    assert "the inside" not in answer.content.decode()
