"""A mail's link, on a phone of somebody who is not signed in; and what came of it, in the console."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import UNANSWERED, SignIn
from tests.stack.running import Stack, wait_until

pytestmark = pytest.mark.xdist_group("browser")

PATIENCE = 60_000
LINK = re.compile(r"https?://\S+/alerts/act/\S+")


@pytest.fixture(scope="module")
def link(shop: Stack) -> str:
    """Out of the mail that tells of the one that was not answered (`shop`)."""
    inbox = f"http://127.0.0.1:{shop.settings()['DEMO_HTTP_PORT']}/messages.json"
    found: list[str] = []

    def is_told() -> bool:
        mails = [mail["body"] for mail in httpx.get(inbox).json() if mail["kind"] == "email"]
        found[:] = [link for body in mails if UNANSWERED in body for link in LINK.findall(body)]
        return bool(found)

    wait_until(is_told, PATIENCE / 1000)
    return found[0]


def test_a_mails_link_acts_only_when_its_button_is_pressed(
    shop: Stack, link: str, chromium: Browser, sign_in: SignIn
) -> None:
    context = chromium.new_context(base_url=shop.url)
    try:
        phone = context.new_page()
        for _ in range(2):
            phone.goto(link)
            expect(phone.get_by_role("button", name="I see to it")).to_be_visible()
        phone.get_by_role("button", name="I see to it").click()
        expect(phone.get_by_role("status")).to_contain_text("You see to it")
        problem = re.compile(UNANSWERED)
        expect(phone.get_by_text(problem).first).to_be_visible()
    finally:
        context.close()

    page = sign_in("operator")
    page.get_by_role("link", name=problem).first.click()
    card = page.locator("section", has=page.get_by_role("heading", name="Who sees to it"))
    expect(card).to_contain_text("shop.example")
    card.get_by_role("button", name="Nobody sees to it").click()
    expect(card).to_contain_text("Nobody so far.")
    card.get_by_label("Put it off").select_option("until it has grown")
    card.get_by_role("button", name="Put off", exact=True).click()
    expect(card).to_contain_text("until it has grown")
    card.get_by_label("Assign it to").select_option("approver")
    card.get_by_role("button", name="Assign").click()
    expect(card).to_contain_text("Assigned to approver by operator")


def test_a_forged_link_opens_nothing(shop: Stack, link: str) -> None:
    assert httpx.get(f"{link[:-4]}AAAA").status_code == 404
    assert httpx.post(f"{link[:-4]}AAAA").status_code in {403, 404}
