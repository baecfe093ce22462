"""What pages fetch to show as notifications: one's own, new, and masked as everybody's."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.utils import timezone

from sagas.models import Alert, Channel, Delivery
from tests.console.cast import Person
from tests.console.web.scene import page

SUMMARY = {
    "occasion": "opened",
    "saga_type": "order",
    "severity": "error",
    "title": "ship parcel <b>never</b> answered",
    "explanation": "shipping was asked, then nothing for more than 30 s",
    "story": "It has not answered.",
    "count": 12,
    "link": "https://amends.shop.example/problems/7/",
}


@pytest.fixture
def channel(db: None) -> Channel:
    return Channel.objects.create(name="screens", kind="browser", config={"people": []}, per_minute=60)


def deliver(channel: Channel, at: datetime, target: str = "", state: str = "sent", **changes: Any) -> None:
    alert = Alert.objects.create(occasion="opened", created_at=at, summary=SUMMARY | changes)
    Delivery.objects.create(
        alert=alert,
        channel=channel,
        target=target,
        message_id=uuid4(),
        state=state,
        next_attempt_at=at,
        sent_at=at if state == "sent" else None,
    )


def news(person: Person, after: datetime | str) -> dict[str, Any]:
    text = after if isinstance(after, str) else after.isoformat()
    return person.browser.get(f"/account/notifications/news?after={quote(text)}").json()


def test_what_is_new_is_told_oldest_first_and_once(channel: Channel, viewer: Person) -> None:
    now = timezone.now()
    deliver(channel, now - timedelta(minutes=2), title="second")
    deliver(channel, now - timedelta(minutes=3), title="first")
    deliver(channel, now - timedelta(minutes=9), title="shown already")
    found = news(viewer, now - timedelta(minutes=5))
    assert [one["title"] for one in found["news"]] == ["order: first · 12 sagas", "order: second · 12 sagas"]
    assert news(viewer, found["until"])["news"] == []


def test_it_says_what_one_needs_and_leads_to_the_console_itself(channel: Channel, viewer: Person) -> None:
    now = timezone.now()
    deliver(channel, now)
    (one,) = news(viewer, now - timedelta(seconds=1))["news"]
    assert one["title"] == "order: ship parcel <b>never</b> answered · 12 sagas"
    assert one["body"] == "shipping was asked, then nothing for more than 30 s. It has not answered."
    assert one["path"] == "/problems/7/"
    assert one["thread"].startswith("amends-")


def test_only_what_was_delivered_to_oneself_or_to_all(
    channel: Channel, viewer: Person, operator: Person
) -> None:
    now = timezone.now()
    deliver(channel, now, "vera", title="for vera")
    deliver(channel, now, "nobody else", title="for another")
    deliver(channel, now, state="pending", title="not yet")
    other = Channel.objects.create(name="mails", kind="email", per_minute=60)
    deliver(other, now, title="by mail")
    before = now - timedelta(seconds=1)
    assert [one["title"] for one in news(viewer, before)["news"]] == ["order: for vera · 12 sagas"]
    assert news(operator, before)["news"] == []


@pytest.mark.parametrize("after", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00"])
def test_without_a_time_only_what_comes_from_now_on(channel: Channel, viewer: Person, after: str) -> None:
    deliver(channel, timezone.now())
    found = news(viewer, after)
    assert found["news"] == []
    assert abs(datetime.fromisoformat(found["until"]) - timezone.now()) < timedelta(seconds=10)


def test_old_news_are_none(channel: Channel, viewer: Person) -> None:
    deliver(channel, timezone.now() - timedelta(hours=2))
    assert news(viewer, "2026-01-01T00:00:00Z")["news"] == []
    assert news(viewer, "9999-01-01T00:00:00Z")["news"] == []


def test_the_page_says_who_reaches_one(channel: Channel, viewer: Person, operator: Person) -> None:
    assert "You are reached by: <b>screens</b>" in page(viewer, "/account/notifications/")
    channel.config = {"people": ["otto"]}
    channel.save()
    assert "No channel reaches you" in page(viewer, "/account/notifications/")
    assert "You are reached by: <b>screens</b>" in page(operator, "/account/notifications/")
