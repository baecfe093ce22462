"""Alerts as an admin sets them up: a route is made, and it is asked who would hear."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SignIn

pytestmark = pytest.mark.xdist_group("browser")


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
    page.get_by_text("Remove it…").click()
    page.get_by_role("button", name="Remove this route").click()
    expect(page.get_by_text("The route “wallets” was removed.")).to_be_visible()
