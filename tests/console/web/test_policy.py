"""The content security policy, and that no template needs it to be looser."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from tests.console.cast import Person
from tests.console.web.scene import Scene
from tests.console.web.test_who import PAGES, filled

FOLDER = settings.BASE_DIR / "templates"
# The templates of mail are left out: where mail is read there is no policy, and no style sheet either.
TEMPLATES = [file for file in sorted(FOLDER.rglob("*.html")) if FOLDER / "alerts" not in file.parents]

# Read over a whole file, as tags may be broken over lines.
FORBIDDEN = {
    "a script of its own": re.compile(r"<script(?![^>]*\bsrc=)", re.I),
    "a style element": re.compile(r"<style", re.I),
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "a handler attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.I),
    "htmx that evaluates": re.compile(r"\bhx-on\b|\bhx-vals\s*=\s*.?js:|hx-vars", re.I),
    "an address that runs": re.compile(r"""(href|src|action)\s*=\s*["']?\s*javascript:""", re.I),
    "text that is not escaped": re.compile(r"\|\s*safe\b|autoescape\s+off|\|\s*safeseq"),
}


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: str(file.relative_to(settings.BASE_DIR)))
def test_no_template_holds(file: Path) -> None:
    text = file.read_text()
    for what, pattern in FORBIDDEN.items():
        found = pattern.search(text)
        assert found is None, f"{file}: {what}: {found and found[0][:80]}"


def test_there_are_templates_to_look_at() -> None:
    assert {"base.html", "bare.html"} <= {file.name for file in TEMPLATES}


def test_the_policy_allows_only_what_is_ours(viewer: Person, scene: Scene) -> None:
    policy = viewer.browser.get("/")["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    assert "unsafe" not in policy
    assert "http" not in policy


def test_every_page_keeps_to_it(viewer: Person, scene: Scene) -> None:
    for page in [*PAGES, "/accounts/logout/", "/nothing-here"]:
        answer = viewer.browser.get(filled(page, scene))
        assert "default-src 'none'" in answer["Content-Security-Policy"], page
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        html = answer.content.decode()
        for what in set(FORBIDDEN) - {"text that is not escaped"}:
            assert FORBIDDEN[what].search(html) is None, f"{page}: {what}"


def test_scripts_styles_and_images_come_from_here(viewer: Person, scene: Scene) -> None:
    for page in [*PAGES, "/accounts/logout/", "/nothing-here"]:
        html = viewer.browser.get(filled(page, scene)).content.decode()
        sources = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"', html)
        assert sources, page
        for source in sources:
            assert source.startswith(settings.STATIC_URL), source
            assert finders.find(source.removeprefix(settings.STATIC_URL)), source


def test_htmx_may_neither_evaluate_nor_write_styles(viewer: Person, scene: Scene) -> None:
    html = viewer.browser.get("/").content.decode()
    assert '"allowEval": false' in html
    assert '"includeIndicatorStyles": false' in html
