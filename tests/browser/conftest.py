"""A real stack with its demo, and a real Chromium that a person might sit at."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from demo.steps import port_of
from tests.stack.running import Stack, doors

CHROMIUM = os.environ.get("AMENDS_BROWSER") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDE, PHONE = {"width": 1440, "height": 940}, {"width": 390, "height": 844}

SignIn = Callable[..., Page]

# The title of a step that is not answered once.
UNANSWERED = "notify customer"


@pytest.fixture(scope="package")
def shop() -> Iterator[Stack]:
    # Enough to see something happen; more keeps the machine from showing it.
    stack = Stack(demo=True, rate=0.3)
    try:
        ready = stack.run()
        assert ready.startswith("Amends is ready"), ready
        # At once, as it takes half a minute until people are told of it.
        fault = {"step": "notify-customer", "fault": "no_answer", "times": 1}
        doors.post(address(stack, "notification", "/faults"), json=fault).raise_for_status()
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="package")
def door(shop: Stack) -> Callable[[str, str], str]:
    """The address of a participant's own door: `door("shipping", "/faults")`."""
    return lambda participant, path: address(shop, participant, path)


def address(shop: Stack, participant: str, path: str) -> str:
    base = int(shop.settings()["DEMO_BASE_PORT"])
    return f"http://127.0.0.1:{port_of(participant, base)}{path}"


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install the package chromium, or name one in AMENDS_BROWSER")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def is_wrong(message: ConsoleMessage) -> bool:
    """Browsers complain of a form that was refused, too, and that is as it should be."""
    return message.type == "error" and "status of 422" not in message.text


@pytest.fixture
def sign_in(shop: Stack, chromium: Browser) -> Iterator[SignIn]:
    """`sign_in("operator")`: a page of somebody signed in, in a browser of their own.

    Whatever the console of any of them complains about (a refused script, a missing file) fails the test.
    """
    complaints: list[str] = []
    contexts = []

    def open_page(name: str, **options: object) -> Page:
        context = chromium.new_context(**{"viewport": WIDE, "base_url": shop.url} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if is_wrong(message) else None)
        page.goto("/")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(f"{name}-demo")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Needs attention").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
