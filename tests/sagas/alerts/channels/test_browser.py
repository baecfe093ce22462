"""Notifications of the browser: whom they reach, and what is kept of them."""

import pytest

from sagas.alerts.channels import KINDS
from sagas.alerts.channels.browser.sending import LONGEST_BODY, LONGEST_TITLE, words
from sagas.alerts.channels.kind import Destination
from sagas.vocabulary import Occasion
from tests.sagas.alerts.channels.messages import ACKNOWLEDGE, hostile, message

KIND = KINDS["browser"]


def test_it_reaches_people_by_name_or_everybody() -> None:
    assert list(KIND.targets({"people": ("kim", "alex", "kim")}, "owner@shop.example")) == ["kim", "alex"]
    assert list(KIND.targets({"people": ()}, "owner@shop.example")) == [""]
    assert list(KIND.targets({}, "")) == [""]


def test_what_is_shown_is_kept() -> None:
    sent = KIND.send(message(), Destination("It", {}, "kim").hiding(message()), {})
    assert sent.request.splitlines()[0] == "order-fulfilment: ship parcel never answered · 12 sagas"
    assert ACKNOWLEDGE not in sent.request


@pytest.mark.parametrize("occasion", Occasion)
def test_it_is_short_whatever_comes(occasion: Occasion) -> None:
    title, body = words(hostile(occasion, 40))
    assert 0 < len(title) <= LONGEST_TITLE
    assert len(body) <= LONGEST_BODY
    assert not set("\x00\x1b\u202e\n") & set(title + body)
