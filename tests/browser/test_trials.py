"""A definition is changed, mended, tried by a real worker while one looks on, and activated."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, SignIn

# One worker drives the one stack that all browser tests share.
pytestmark = pytest.mark.xdist_group("browser")

# Longer than beat and worker take on a busy machine.
PATIENCE = 60_000


def change(page: Page, begin: str, end: str) -> None:
    text = page.locator("#text").input_value()
    assert begin in text
    page.locator("#text").fill(text.replace(begin, end, 1))


def test_from_a_loaded_version_to_the_next(sign_in: SignIn) -> None:
    page = sign_in("admin")
    page.goto("/definitions/")
    page.get_by_role("link", name=re.compile("Order fulfilment", re.I)).first.click()
    page.get_by_role("link", name="Try a change").click()
    (version,) = re.findall(r"^version: \"?([^\"\n]+)", page.locator("#text").input_value(), re.M)
    change(page, "deadline: 15s", "deadline: quick")
    page.get_by_role("button", name="Check and try it").click()

    # The link of the mistake selects its line in the text.
    page.locator("a[data-line]").first.click()
    selected = "t => t.value.slice(t.selectionStart, t.selectionEnd)"
    assert page.locator("#text").evaluate(selected).strip() == "deadline: quick"
    change(page, "deadline: quick", "deadline: 15s")
    change(page, f'version: "{version}"', f'version: "{version}-tried"')
    page.get_by_role("button", name="Check and try it").click()

    # It goes on without a reload, to what it found and to the button.
    expect(page.get_by_role("heading", name="Activate it")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("heading", name="Steps, and how many sagas ran them")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label("I have looked at what it would find").check()
    page.get_by_role("button", name=re.compile("Activate")).click()
    expect(page.get_by_text("is in force")).to_be_visible()
    assert page.url.endswith(f"/{version}-tried/")
