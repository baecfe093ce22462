"""A customer's address in the demo: masked for all, and shown to who may see it and presses the button."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PHONE, SignIn

pytestmark = pytest.mark.xdist_group("browser")

ADDRESS = re.compile(r"@mail\.example")
PATIENCE = 60_000


def first_event(page: Page) -> Locator:
    """What the newest order's saga was started with, opened."""
    page.goto("/sagas/?type=order-fulfilment")
    link = page.locator("a[href^='/sagas/order-fulfilment/']").first
    link.wait_for(timeout=PATIENCE)
    page.goto(link.get_attribute("href") or "")
    payload = page.locator("details.payload").last
    payload.locator("> summary").click()
    expect(payload).to_contain_text('"email": "•••"')
    return payload


def test_who_may_see_it_presses_and_it_stays(sign_in: SignIn) -> None:
    page = sign_in("approver")
    payload = first_event(page)
    expect(page.locator("body")).not_to_contain_text(ADDRESS)
    payload.get_by_role("button", name="Show").press("Enter")
    expect(payload).to_contain_text(ADDRESS)
    # The saga goes on, and its page with it: what was asked for stays until the reader leaves.
    page.mouse.move(0, 0)
    page.wait_for_timeout(4_000)
    expect(payload).to_contain_text(ADDRESS)
    page.reload()
    expect(page.locator("body")).not_to_contain_text(ADDRESS)
    page.goto(f"{page.url.partition('?')[0]}?tab=audit")
    expect(page.locator("#detail")).to_contain_text("payload.unmasked")


def test_who_may_not_is_told_who_could_on_a_phone_too(sign_in: SignIn) -> None:
    page = sign_in("operator", viewport=PHONE)
    payload = first_event(page)
    expect(payload).to_contain_text("with the role approver or admin may see what is masked")
    expect(payload.get_by_role("button", name="Show")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
