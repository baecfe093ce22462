"""One decision about many sagas, as the people live it who make it: none of them alone, and none in a hurry.

Refunds were refused; one person plans all of them, another agrees; the first go ahead and are looked at; the
rest is paused and goes on; each is confirmed by its participant. One that changed meanwhile stays out.
"""

import json
import random
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from demo import credentials, scenes, signatures
from demo.steps import WALLET
from tests.browser.conftest import SignIn
from tests.stack.running import Stack, doors

pytestmark = pytest.mark.xdist_group("browser")

Door = Callable[[str, str], str]

PAYMENTS = [f"pay-refused-{number}" for number in range(1, 6)]
POLICY = "approval:\n  - {when: count > 3, because: More than three payments at once.}\n"
REASON = "Refunds were refused while the bank was down. OPS-3107."
# Milliseconds for what the demo takes its time for: its services work at a human pace.
PATIENCE = 60_000


@pytest.fixture(scope="module")
def refused(shop: Stack, door: Door) -> None:
    """Payments to a closed account, whose refund is refused once, and then confirmed only by an event."""
    wallet = credentials.read(shop.data / "demo")[WALLET.orchestrator]
    closed = next(scene for scene in scenes.DECLINED if scene.name == "account closed")
    for saga in PAYMENTS:
        for fault in ("refuse_compensation", "accept_later"):
            order = {"step": "debit-wallet", "fault": fault, "on": "compensation", "saga": saga}
            doors.post(door("wallet", "/faults"), json=order).raise_for_status()
        body = json.dumps({"saga": saga, "data": scenes.payload(closed, saga, random.Random(saga))})
        signed = signatures.sign(wallet.secret, saga, body)
        doors.post(door("wallet", "/sagas"), content=body, headers=signed).raise_for_status()
    policy = shop.folder / "policy.yaml"
    policy.write_text(POLICY)
    shop.manage("load_policy", str(policy))


def test_many_are_put_right_by_two_people_at_their_pace(door: Door, refused: None, sign_in: SignIn) -> None:
    planner, other = sign_in("approver"), sign_in("admin")

    # All of a problem is planned at once, and nothing is sent by that.
    planner.get_by_role("link", name=re.compile("debit wallet")).click(timeout=PATIENCE)
    choice = planner.locator("#choices li", has_text="Retry")
    choice.get_by_role("link", name=f"Plan for all {len(PAYMENTS)}…").click(timeout=PATIENCE)
    planner.get_by_label("Canary", exact=True).fill("2")
    planner.get_by_label("Reason").fill(REASON)
    planner.get_by_role("button", name="Plan it").click()
    expect(planner.locator("#plan")).to_contain_text("5 × Compensate “debit-wallet”", timeout=PATIENCE)
    assert undone(door) == [0] * 5

    # Others must agree; that the planner has the role does not help.
    planner.get_by_role("button", name="Put it to others").click()
    expect(planner.locator("#next")).to_contain_text("You planned it, so that somebody else has to agree.")
    expect(planner.get_by_role("button", name="Agree")).to_have_count(0)
    assert press(planner, "agree") == 403

    # Meanwhile a colleague asks about one of them.
    other.goto(f"/sagas/{WALLET.name}/{PAYMENTS[1]}/repair?intent=ask&step=debit-wallet")
    other.get_by_label("Reason").fill("OPS-3108")
    other.get_by_role("button", name="Ask", exact=True).click()
    expect(other.locator("#state")).to_contain_text("Done", timeout=PATIENCE)

    # Somebody else finds the question waiting, looks, and agrees.
    other.goto("/batches/")
    other.get_by_role("link", name="waits for you to agree").click()
    expect(other.locator("#plan")).to_contain_text("nothing has been sent yet")
    other.get_by_label("What did you check?").fill("The bank is up again.")
    other.get_by_role("button", name="Agree to this plan").click()

    # The first go ahead, and the others wait until somebody has looked at them.
    expect(planner.locator("#agreement")).to_contain_text("The bank is up again.")
    planner.get_by_role("button", name="Start").click()
    expect(planner.locator("#next")).to_contain_text("Look at the canary", timeout=PATIENCE)
    assert undone(door) == [1, 0, 1, 0, 0]

    # What goes on is paused by anybody at any moment, and what was on its way is heard out.
    planner.get_by_role("button", name="Go on").click()
    planner.get_by_role("button", name="Pause").click()
    expect(planner.locator("#next")).to_contain_text("Paused")
    planner.get_by_role("button", name="Go on").click()
    expect(planner.locator("#head")).to_contain_text("Done", timeout=PATIENCE)

    # Confirmed by those who did it, once each; what had changed was left out, and is listed.
    assert undone(door) == [1, 0, 1, 1, 1]
    expect(planner.locator("#progress")).to_contain_text("4 confirmed")
    planner.locator(".chips").get_by_role("link", name="Dropped").click()
    listed = planner.locator("#sagas tbody tr")
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text(PAYMENTS[1])
    expect(listed).to_contain_text("new events came since it was planned")
    listed.get_by_role("link", name="What has changed").click()
    expect(planner.get_by_text("was asked")).to_be_visible()
    expect(planner.get_by_text("refund wallet")).to_be_visible()


def press(page: Page, button: str) -> int:
    """What the server says to somebody who sends what no button of the page sends."""
    form = page.locator("#form-cancel")
    fields = {
        name: form.locator(f"input[name={name}]").get_attribute("value") or ""
        for name in ("csrfmiddlewaretoken", "plan_hash")
    }
    return page.request.post(f"{page.url}{button}", form=fields, headers={"referer": page.url}).status


def undone(door: Door) -> list[int]:
    """By the participant's own books: how often each debit has been undone."""
    counts = [doors.get(door("wallet", "/counts"), params={"saga": saga}).json() for saga in PAYMENTS]
    return [sum(row["undone"] for row in rows if row["step"] == "debit-wallet") for rows in counts]
