"""The API's own page: under the same policy as all others, whoever is signed in may try it out."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SignIn

pytestmark = pytest.mark.xdist_group("browser")


def test_the_api_can_be_tried_out(sign_in: SignIn) -> None:
    page = sign_in("viewer")
    page.goto("/api/v1/docs")
    problems = page.locator("#operations-problems-problems_list")
    problems.get_by_role("button").first.click()
    problems.get_by_role("button", name="Try it out").click()
    problems.get_by_role("button", name="Execute").click()
    expect(problems.locator(".live-responses-table .response-col_status").last).to_have_text("200")
    page.locator("#operations-events-events_create").scroll_into_view_if_needed()
    expect(page.locator("#operations-events-events_create")).to_be_visible()
