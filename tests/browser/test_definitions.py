"""A definition as people meet it: found by keyboard, seen as a drawing, written anew and downloaded."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sagas import definitions
from tests.browser.conftest import PHONE, SignIn

pytestmark = pytest.mark.xdist_group("browser")


def test_a_definition_is_reached_by_keyboard(sign_in: SignIn) -> None:
    page: Page = sign_in("viewer")
    page.goto("/definitions/")
    page.wait_for_load_state()
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.get_by_role("heading", level=1)).to_have_text("Order fulfilment")
    # The drawing can be scrolled without a mouse.
    drawing = page.get_by_role("group", name="Steps and compensations, as a drawing")
    drawing.focus()
    expect(drawing).to_be_focused()
    expect(page.locator(".graph-wide")).to_be_visible()
    expect(page.locator(".graph-narrow")).to_be_hidden()


def test_a_phone_gets_the_drawing_that_goes_down(sign_in: SignIn) -> None:
    page: Page = sign_in("viewer", viewport=PHONE)
    page.goto("/definitions/order-fulfilment/1/")
    narrow = page.locator(".graph-narrow")
    expect(narrow).to_be_visible()
    expect(page.locator(".graph-wide")).to_be_hidden()
    box = narrow.bounding_box()
    assert box
    assert box["width"] <= PHONE["width"]


def test_what_was_seen_is_downloaded_and_would_load(sign_in: SignIn, tmp_path: Path) -> None:
    page: Page = sign_in("viewer")
    page.goto("/definitions/order-fulfilment/1/")
    page.get_by_role("link", name="Write anew from what was seen").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("order-fulfilment, as it was seen")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the YAML").click()
    assert download.value.suggested_filename == "order-fulfilment.yaml"
    file = tmp_path / "seen.yaml"
    download.value.save_as(file)
    text = file.read_text()
    assert re.search(r"^# Written from the newest \d+ sagas? of this type", text)
    assert definitions.parse(text, file.name).step("accept-order")
