"""Alerts as people live with them: a route is made, who would hear is asked, a mail's link is followed."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import SignIn
from tests.stack.running import Stack, wait_until

pytestmark = pytest.mark.xdist_group("browser")

Door = Callable[[str, str], str]

PATIENCE = 60_000
TITLE = "notify customer"
LINK = re.compile(r"https?://\S+/alerts/act/\S+")


@pytest.fixture(scope="module")
def link(shop: Stack, door: Door) -> str:
    """Out of the mail that tells of a payment whose customer was to be told, and nobody answered."""
    fault = {"step": "notify-customer", "fault": "no_answer", "times": 1}
    httpx.post(door("notification", "/faults"), json=fault).raise_for_status()
    inbox = f"http://127.0.0.1:{shop.settings()['DEMO_HTTP_PORT']}/messages.json"
    found: list[str] = []

    def is_told() -> bool:
        mails = [mail["body"] for mail in httpx.get(inbox).json() if mail["kind"] == "email"]
        found[:] = [link for body in mails if TITLE in body for link in LINK.findall(body)]
        return bool(found)

    wait_until(is_told, PATIENCE / 1000)
    return found[0]


def test_a_route_is_made_and_tried(sign_in: SignIn) -> None:
    page = sign_in("admin")
    page.get_by_role("link", name="Alerts", exact=True).click()
    page.get_by_role("link", name="Add a route").click()
    page.get_by_label("Name", exact=True).fill("wallets")
    page.get_by_label("Saga types").fill("wallet-*")
    page.get_by_label("ALERT_EMAIL_TO").first.check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="wallets")).to_be_visible()

    page.get_by_role("link", name="Tester").click()
    page.get_by_label("Saga type").fill("wallet-payment")
    page.get_by_role("button", name="Ask").last.click()
    answer = page.locator("section", has=page.get_by_role("heading", name="The answer"))
    expect(answer).to_contain_text("oncall@shop.example")
    expect(answer).to_contain_text("wallets")
    # What was typed is still there, to be asked again a little differently.
    page.get_by_label("Saga type").fill("order-fulfilment")
    page.get_by_role("button", name="Ask").last.click()
    expect(answer).to_contain_text("the default route")

    page.get_by_role("link", name="Routes and channels").click()
    page.get_by_role("link", name="wallets").click()
    page.get_by_role("button", name="Remove this route").click()
    expect(page.get_by_text("The route “wallets” was removed.")).to_be_visible()


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
        problem = re.compile(TITLE)
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
