"""The purpose of Amends, line by line, as somebody who has never seen it would live it.

One command; a browser; real sagas of real services; one gets stuck; an alert; why, from its timeline; undone
by one audited action; confirmed by those who did it.
"""

import re
import time
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from demo.steps import ORDER
from tests.browser.conftest import SignIn
from tests.stack.running import Stack, doors, wait_until

pytestmark = pytest.mark.xdist_group("browser")

Door = Callable[[str, str], str]

REASON = "The carrier has no such parcel. Ticket OPS-2291."
# Milliseconds for what the demo takes its time for: its services work at a human pace.
PATIENCE = 60_000


@pytest.fixture(scope="module")
def stuck(shop: Stack, door: Door) -> str:
    """The id of an order whose parcel was asked for and never answered."""
    order = {"step": "ship-parcel", "fault": "no_answer", "times": 1}
    doors.post(door("shipping", "/faults"), json=order).raise_for_status()
    token = shop.secret("create_token", "viewer")
    api = httpx.Client(base_url=f"{shop.url}/api/v1", headers={"Authorization": f"Bearer {token}"})
    found: list[str] = []

    def is_found() -> bool:
        sagas = api.get("/sagas", params={"type": "order-fulfilment", "condition": "in_doubt"}).json()[
            "results"
        ]
        found[:] = [saga["id"] for saga in sagas if saga["unknown_effects"] == ["ship-parcel"]]
        return bool(found)

    wait_until(is_found, PATIENCE / 1000)
    return found[0]


def test_real_sagas_are_seen_running(sign_in: SignIn) -> None:
    page = sign_in("viewer")
    page.get_by_role("link", name="Sagas", exact=True).click()
    expect(page.get_by_role("link", name=re.compile("^order-")).first).to_be_visible(timeout=PATIENCE)
    page.goto("/sagas/?status=completed")
    expect(page.get_by_text("Completed").first).to_be_visible(timeout=PATIENCE)


def test_people_are_alerted_once_by_mail_and_by_signed_webhook(shop: Stack, stuck: str) -> None:
    inbox = f"http://127.0.0.1:{shop.settings()['DEMO_HTTP_PORT']}/messages.json"

    def told() -> list[dict]:
        return [
            message for message in httpx.get(inbox).json() if "ship parcel never answered" in str(message)
        ]

    wait_until(lambda: len(told()) >= 3)
    # A second message of the same opening would have come with the next tick of beat.
    time.sleep(3)
    assert sorted((message["kind"], message["recipients"]) for message in told()) == [
        ("email", "oncall@shop.example"),
        ("email", "orders-oncall@shop.example"),
        ("webhook", "/webhook"),
    ]
    assert {message["signature"] for message in told() if message["kind"] == "webhook"} == {"valid"}


def test_a_viewer_sees_the_plan_and_who_could_start_it(stuck: str, sign_in: SignIn) -> None:
    page = sign_in("viewer")
    page.goto(f"/sagas/order-fulfilment/{stuck}/repair?intent=ask")
    expect(page.get_by_text(re.compile("operator, approver or admin")).first).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_be_disabled()


PAGES = ["/", "/sagas/", "/views/", "/repairs/", "/participants/", "/definitions/", "/quarantine/", "/audit/"]


# The scheme changes colours alone (tests/console/web/test_contrast.py): each is looked at once.
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_every_page_fits_the_screen(
    shop: Stack, stuck: str, sign_in: SignIn, width: int, scheme: str
) -> None:
    page = sign_in("admin", viewport={"width": width, "height": 844}, color_scheme=scheme)
    saga = f"/sagas/order-fulfilment/{stuck}/"
    definition = ["/definitions/order-fulfilment/1/", "/definitions/seen/?type=order-fulfilment"]
    for path in [*PAGES, *definition, saga, f"{saga}repair?intent=compensate", "/participants/shipping/"]:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_pages_are_useful_without_javascript(stuck: str, sign_in: SignIn) -> None:
    page = sign_in("operator", java_script_enabled=False)
    page.goto(f"/sagas/order-fulfilment/{stuck}/")
    expect(page.locator("#story")).to_contain_text("ship parcel")
    expect(page.locator("#timeline svg").first).to_be_visible()
    page.goto("/sagas/?condition=in_doubt")
    page.get_by_text("Save this view…").click()
    page.get_by_label("Name").fill("Never answered")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#views > summary")).to_contain_text("Never answered")


def test_a_stuck_saga_is_found_understood_undone_and_confirmed(
    shop: Stack, door: Door, stuck: str, sign_in: SignIn
) -> None:
    page = sign_in("operator")

    # It is found: a problem, with its saga behind it.
    problem = page.get_by_role("link", name="ship parcel never answered")
    expect(problem).to_be_visible(timeout=PATIENCE)
    problem.click()
    page.get_by_role("link", name=stuck).click()

    # Why: the story, and the bar that never ended.
    story = page.locator("#story")
    expect(story).to_contain_text("shipping")
    expect(story).to_contain_text("ship parcel")
    expect(page.locator("#timeline svg").first).to_be_visible()

    # What can be done, safest first: asking changes nothing.
    choices = page.locator("#choices")
    expect(choices.get_by_role("heading").nth(1)).to_contain_text("Ask")
    whole = choices.locator("li", has_text="Compensate the whole saga")
    whole.get_by_role("link", name="Plan…").click()

    # Exactly what will be sent, and nothing has been.
    expect(page.get_by_text("nothing has been sent yet")).to_be_visible()
    expect(page.get_by_text("/compensations/charge-card")).to_be_visible()
    assert undone(door, stuck) == {}
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Start").click()

    # Confirmed, each action by its participant's own word.
    expect(page.locator("#state")).to_contain_text("Done", timeout=PATIENCE)
    expect(page.locator("#actions")).to_contain_text("200")
    assert set(undone(door, stuck).values()) == {1}
    page.get_by_role("link", name=stuck).click()
    expect(page.locator("#pills")).to_contain_text("Compensated", timeout=PATIENCE)
    expect(page.locator("#pills")).not_to_contain_text("In doubt", timeout=PATIENCE)

    # Audited: who, what, why; and nobody edited it.
    page.get_by_role("link", name="Audit", exact=True).first.click()
    expect(page.get_by_text(REASON).first).to_be_visible()
    assert "Audit log whole" in shop.manage("verify_audit")


def undone(door: Door, saga: str) -> dict[str, int]:
    """By the participants' own books: how often each step that was done has been undone, if at all."""
    return {
        row["step"]: row["undone"]
        for participant in {step.participant for step in ORDER.steps}
        for row in doors.get(door(participant, "/counts"), params={"saga": saga}).json()
        if row["undone"]
    }


def test_the_list_is_walked_by_keyboard(sign_in: SignIn) -> None:
    page = sign_in("operator")
    page.wait_for_load_state()
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("order-")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/sagas/\?q=order-"))
    page.keyboard.press("j")
    page.keyboard.press("j")
    focused: str = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("o")
    expect(page.locator("h1")).to_contain_text(focused.strip())
    page.wait_for_load_state()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()


def test_an_open_page_hears_of_changes_by_itself(sign_in: SignIn) -> None:
    page: Page = sign_in("viewer")
    page.goto("/sagas/")
    shown = page.locator("#count")
    before = shown.text_content()
    expect(shown).not_to_have_text(before or "", timeout=PATIENCE)
