"""Apprise itself, in its own process, calling a server of its json:// on this machine."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from sagas.alerts.channels import KINDS
from sagas.alerts.channels.apprise.sending import words
from sagas.alerts.channels.kind import DeliveryError, Destination
from tests.sagas.alerts.channels.messages import ACKNOWLEDGE, hostile, message
from tests.sagas.alerts.services.server import Reply, Request, Service, need, serve

KIND = KINDS["apprise"]
PASSWORD = "s3cret-pass/word"


@dataclass
class Taker(Service):
    """What apprise's json:// is sent to."""

    taken: list[dict[str, Any]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.url.replace("http://", "json://amends:s3cret-pass%2Fword@") + "/hooks/t0ken-in-path"

    def answer(self, request: Request) -> Reply:
        need(request.headers["authorization"].startswith("Basic "), "nobody is signed in")
        self.taken.append(request.json)
        return Reply(200, "ok")

    def refuse(self, why: str) -> Reply:
        return Reply(400, why)


@pytest.fixture
def taker() -> Iterator[Taker]:
    service = Taker()
    with serve(service):
        yield service


def destination(address: str) -> Destination:
    return Destination("It", {"address": address}, "", (address,)).hiding(message())


def test_a_message_is_sent_as_text_that_calls_nobody(taker: Taker) -> None:
    assert not list(KIND.check({"address": taker.address}))
    assert not taker.requests
    sent = KIND.send(hostile("opened"), destination(taker.address), {})
    (taken,) = taker.taken
    assert taken["type"] == "warning"
    assert "@\N{WORD JOINER}everyone" in taken["title"]
    text = taken["title"] + taken["message"]
    assert not [one for one in ("<", "@everyone", "@here", "](", "\x00", "\x1b", "\u202e") if one in text]
    assert f"Acknowledge: {ACKNOWLEDGE}" in taken["message"]
    assert ACKNOWLEDGE not in sent.request + sent.answer
    assert sent.answer == "The service took it."


def test_what_apprise_says_of_a_refusal_is_kept_without_secrets(taker: Taker) -> None:
    taker.replies = [Reply(401, "no")]
    with pytest.raises(DeliveryError, match=r"Apprise could not send it: .*401") as raised:
        KIND.send(message(owner=PASSWORD), destination(taker.address), {})
    kept = (str(raised.value), raised.value.request, raised.value.answer)
    assert not [one for one in kept for secret in (PASSWORD, "t0ken-in-path", "s3cret") if secret in one]
    assert "order-8492" in raised.value.request


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("syslog://", "It acts on Amends' own machine."),
        ("no address", "must be one of Apprise"),
    ],
)
def test_an_address_is_looked_at_before_it_is_kept(address: str, said: str) -> None:
    assert any(said in complaint for complaint in KIND.check({"address": address}))


def test_a_redirect_is_not_followed(taker: Taker) -> None:
    taker.replies = [Reply(307, "", {"location": f"{taker.url}/elsewhere"})]
    with pytest.raises(DeliveryError):
        KIND.send(message(), destination(taker.address), {})
    assert len(taker.requests) == 1


def test_what_can_never_be_sent_is_not_tried_again() -> None:
    with pytest.raises(DeliveryError, match="does not understand") as raised:
        KIND.send(message(), destination("nosuchservice://x"), {})
    assert raised.value.permanent


WITHOUT = """
import sys
sys.modules["apprise"] = None  # as if it were not installed
from sagas.alerts.channels import KINDS, OFFERED
print("apprise" in OFFERED, *KINDS["apprise"].check({"address": "json://x"}))
"""


def test_it_is_not_offered_where_it_is_not_installed() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("False Apprise is not installed: run ")


def test_a_message_says_it_all() -> None:
    title, body = words(message())
    assert title == "order-fulfilment: ship parcel never answered · 12 sagas"
    for line in ("Owner: orders-oncall@shop.example", "At stake: EUR 1,204.50", "Have it: order-8492"):
        assert line in body.splitlines()
