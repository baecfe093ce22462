"""An alert as a notification of the browser: switched on by a person, shown once, also on the next page."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn
from tests.stack.running import Stack

pytestmark = pytest.mark.xdist_group("browser")

# Real ones, and what they said.
REMEMBER = """
window.shown = [];
window.Notification = class extends Notification {
  constructor(title, options) { super(title, options); window.shown.push(title); }
};
"""


def tell(shop: Stack, title: str) -> None:
    """An alert for everybody's screens, which the worker delivers."""
    summary = {"occasion": "opened", "severity": "error", "title": title, "link": f"{shop.url}/problems/7/"}
    now = datetime.now(UTC)
    with psycopg.connect(shop.settings()["DATABASE_URL"]) as connection:
        connection.execute(
            """
            INSERT INTO sagas_channel (name, kind, config, is_enabled, is_built_in, per_minute, last_error)
            VALUES ('screens', 'browser', '{}', true, false, 60, '') ON CONFLICT DO NOTHING
            """
        )
        connection.execute(
            """
            WITH alert AS (
              INSERT INTO sagas_alert (occasion, created_at, summary) VALUES ('opened', %(now)s, %(summary)s)
              RETURNING id
            )
            INSERT INTO sagas_delivery (alert_id, channel_id, target, because, zone, message_id, state,
              attempts, next_attempt_at, is_stand_in)
            SELECT alert.id, channel.id, '', '', 'UTC', %(id)s, 'pending', 0, %(now)s, false
            FROM alert, sagas_channel channel WHERE channel.name = 'screens'
            """,
            {"now": now, "summary": json.dumps(summary), "id": uuid4()},
        )


def shown(page: Page, most: int = 1) -> list[str]:
    page.wait_for_function("most => window.shown.length >= most", arg=most, timeout=20_000)
    return page.evaluate("window.shown")


def test_an_alert_is_shown_by_the_browser_once(shop: Stack, sign_in: SignIn) -> None:
    page = sign_in("viewer")
    page.context.grant_permissions(["notifications"])
    page.context.add_init_script(REMEMBER)
    page.locator("#menu-user > summary").click()
    page.get_by_role("link", name="Notifications").click()
    expect(page.get_by_text("They are off in this browser.")).to_be_visible()
    page.get_by_role("button", name="Switch on").press("Enter")
    expect(page.get_by_text("They are on in this browser.")).to_be_visible()
    tell(shop, "ship parcel never answered")
    assert shown(page) == ["ship parcel never answered"]
    # Of two pages one shows it.
    other = page.context.new_page()
    other.goto("/sagas/")
    tell(shop, "charge card never answered")
    assert shown(page, 2) == ["ship parcel never answered", "charge card never answered"]
    assert other.evaluate("window.shown") == []
    # Where that one is left, the other goes on, and nothing is shown again.
    page.close()
    tell(shop, "refund never answered")
    assert shown(other) == ["refund never answered"]
    other.goto("/account/notifications/")
    other.get_by_role("button", name="Switch off").click()
    expect(other.get_by_text("They are off in this browser.")).to_be_visible()
