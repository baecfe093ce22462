"""What assistive technology needs of every page: names, labels, one heading, ids of their own."""

from collections import Counter
from html.parser import HTMLParser

import pytest

from sagas import participants
from tests.console.cast import Person
from tests.console.web.scene import ADA, Scene
from tests.console.web.test_who import PAGES, filled

# Elements without content, and those whose end may be left out where we do so.
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Page(HTMLParser):
    """Collects what the tests below ask of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.headings: list[str] = []
        self.labelled: set[str] = set()
        self.controls: list[dict[str, str | None]] = []
        self.nameless: list[str] = []
        self.unbalanced: list[str] = []
        self._open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(html)
        self.unbalanced += [tag for tag, _, _ in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids[given["id"] or ""] += 1
        if tag == "label" and given.get("for"):
            self.labelled.add(given["for"] or "")
        in_label = any(open_tag == "label" for open_tag, _, _ in self._open)
        if tag in {"input", "select", "textarea"} and given.get("type") != "hidden" and not in_label:
            self.controls.append(given)
        if tag not in VOID:
            self._open.append((tag, given, []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        for _, _, text in self._open:
            text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            self.unbalanced.append(f"/{tag}")
            return
        _, given, text = self._open.pop()
        said = "".join(text).strip() or given.get("aria-label") or ""
        if tag == "h1":
            self.headings.append(said)
        if tag in {"a", "button", "summary"} and not said:
            self.nameless.append(f"{tag} {given}")


@pytest.fixture
def pages(scene: Scene, admin: Person) -> dict[str, Page]:
    participants.issue_signing_secret(scene.shipping, ADA)
    more = [
        "/?open={problem}",
        "/sagas/?q=nothing",
        "/accounts/password/change/",
        "/no/such/page",
    ]
    admin.user.set_password("correct horse")
    admin.user.save()
    admin.browser.force_login(admin.user)
    answers = {address: admin.browser.get(filled(address, scene)) for address in [*PAGES, *more]}
    return {address: Page(answer.content.decode()) for address, answer in answers.items()}


def test_every_page_can_be_understood_without_seeing_it(pages: dict[str, Page]) -> None:
    for address, page in pages.items():
        assert len(page.headings) == 1, address
        assert page.headings[0], address
        assert not page.nameless, f"{address}: {page.nameless}"
        unlabelled = [
            control
            for control in page.controls
            if not control.get("aria-label") and control.get("id") not in page.labelled
        ]
        assert not unlabelled, f"{address}: {unlabelled}"


def test_every_element_ends_and_every_id_is_its_own(pages: dict[str, Page]) -> None:
    for address, page in pages.items():
        assert not page.unbalanced, f"{address}: {page.unbalanced}"
        doubled = [name for name, count in page.ids.items() if count > 1]
        assert not doubled, f"{address}: {doubled}"
