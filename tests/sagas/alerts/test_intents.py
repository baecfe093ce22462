"""When people are told, and what: once a problem, again when it has grown, and when it is over."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from msgspec import convert
from structlog.testing import capture_logs

from sagas import models
from sagas.alerts import intents, routing, summarising
from sagas.alerts.channels.email.sending import targets
from sagas.alerts.matching import Match
from sagas.alerts.message import Summary
from sagas.alerts.routing import Route, Step
from sagas.alerts.wording import line, subject
from sagas.detection.sweep import sweep
from sagas.models import Alert, Delivery, Incident, Problem
from tests.sagas.storing import ORDER, define, put

pytestmark = pytest.mark.django_db


STAKED = ORDER + "stake: {amount: total.amount, currency: total.currency}\n"


class Night:
    """A clock that is driven, and sagas that fall ill and recover under it."""

    def __init__(self, step: float = 5) -> None:
        self.step = timedelta(seconds=step)
        self.start = self.now = timezone.now()
        self.ill: list[str] = []
        self.count = 0

    def fall_ill(self, many: int = 1) -> None:
        for _ in range(many):
            self.count += 1
            self.ill.append(f"o-{self.count}")
            put("saga.started a:S a:T", self.ill[-1], now=self.now)

    def recover(self) -> None:
        for name in self.ill:
            put("a:F saga.failed", name, now=self.now, first=3)
        self.ill = []

    def pass_by(self, seconds: float) -> None:
        """A sweep a second would see the same: what is due stays due."""
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            self.now = min(until, self.now + self.step)
            sweep(self.now)

    def told(self) -> list[tuple[str, int]]:
        """(occasion, seconds since the start)"""
        return [
            (alert.occasion, round(self.since(alert.created_at))) for alert in Alert.objects.order_by("pk")
        ]

    def since(self, moment: datetime) -> float:
        return (moment - self.start).total_seconds()


def test_a_problem_is_told_once_however_many_sweeps_and_sagas() -> None:
    night = Night()
    night.fall_ill(3)
    night.pass_by(300)
    night.fall_ill(2)
    night.pass_by(300)
    assert night.told() == [("opened", 5)]
    assert Problem.objects.get().told_count == 3


def test_twice_as_many_are_told_after_a_while_unless_somebody_sees_to_it() -> None:
    night = Night(step=20)
    night.fall_ill(3)
    night.pass_by(60)
    night.fall_ill(3)
    night.pass_by(220)
    assert night.told() == [("opened", 20)]
    night.pass_by(60)
    assert night.told() == [("opened", 20), ("worsened", 320)]
    Incident.objects.update(acknowledged_at=night.now, acknowledged_by="anna")
    night.fall_ill(6)
    night.pass_by(400)
    assert night.told() == [("opened", 20), ("worsened", 320)]


def test_it_is_told_again_when_ten_times_as_many_have_it() -> None:
    night = Night()
    night.fall_ill(1)
    night.pass_by(60)
    night.fall_ill(8)
    night.pass_by(60)
    assert night.told() == [("opened", 5)]
    night.fall_ill(1)
    night.pass_by(60)
    assert night.told() == [("opened", 5), ("worsened", 125)]
    assert Problem.objects.get().told_count == 10


def test_what_grows_fast_is_told_at_a_pace() -> None:
    night = Night()
    for _ in range(20):
        night.fall_ill(10)
        night.pass_by(5)
    assert night.told() == [("opened", 5), ("worsened", 50)]
    assert Alert.objects.last().summary["count"] == 100


def test_that_it_is_over_is_told_once_it_has_stayed_so() -> None:
    night = Night()
    night.fall_ill(2)
    night.pass_by(60)
    night.recover()
    night.pass_by(5)
    assert night.told() == [("opened", 5)]
    night.pass_by(600)
    assert night.told() == [("opened", 5), ("resolved", 75)]
    assert Problem.objects.get().told_count == 0


def test_what_comes_back_at_once_was_never_away() -> None:
    night = Night()
    night.fall_ill()
    night.pass_by(60)
    night.recover()
    night.pass_by(5)
    night.fall_ill()
    night.pass_by(600)
    assert night.told() == [("opened", 5)]


def test_a_problem_that_flaps_falls_silent() -> None:
    night = Night()
    for _ in range(12):
        night.fall_ill()
        night.pass_by(60)
        night.recover()
        night.pass_by(60)
    assert [occasion for occasion, _ in night.told()] == [
        "opened",
        "resolved",
        "reopened",
        "resolved",
        "reopened",
    ]
    night.pass_by(600)
    assert night.told()[-1][0] == "resolved"


def test_an_outage_of_half_an_hour_is_told_in_few_messages() -> None:
    night = Night(step=15)
    for _ in range(30):
        night.fall_ill(4)
        night.pass_by(60)
    night.recover()
    night.pass_by(120)
    occasions = [occasion for occasion, _ in night.told()]
    assert occasions == ["opened", "worsened", "worsened", "resolved"]
    assert Problem.objects.get().total_count == 120


def test_what_was_never_told_is_not_told_to_be_over() -> None:
    night = Night()
    night.fall_ill()
    sweep(night.now)
    Incident.objects.all().delete()
    Problem.objects.update(told_count=0)
    night.now += timedelta(seconds=30)
    night.recover()
    night.pass_by(60)
    assert night.told() == []


def test_the_intent_and_its_deliveries_are_written_together(settings: Any) -> None:
    settings.ALERT_EMAIL_TO = ["oncall@shop.example", "Orders@shop.example"]
    settings.ALERT_WEBHOOK_URLS = ["https://hooks.example/a", "https://hooks.example/b"]
    define()
    put("saga.started charge:T")
    sweep()
    deliveries = Delivery.objects.order_by("pk")
    assert [(one.channel.kind, one.target, one.state) for one in deliveries] == [
        ("email", "oncall@shop.example", "pending"),
        ("email", "Orders@shop.example", "pending"),  # the owner, who is told only once
        ("webhook", "https://hooks.example/a", "pending"),
        ("webhook", "https://hooks.example/b", "pending"),
    ]
    assert len({one.message_id for one in deliveries}) == 4


@pytest.mark.parametrize(
    ("owner", "told"),
    [
        ("orders@shop.example", ["orders@shop.example"]),
        ("Orders on call <orders@shop.example>", ["orders@shop.example"]),
        ("team-orders", []),
        ("", []),
        ("a@b", []),
        ("x@shop.example\nBcc: y@shop.example", []),
    ],
)
def test_an_owner_is_told_where_it_is_an_address(owner: str, told: list[str]) -> None:
    assert list(targets({"to": (), "owner": True}, owner)) == told


def test_a_message_says_what_how_many_since_when_and_what_to_do(settings: Any) -> None:
    settings.BASE_URL = "https://amends.shop.example"
    define()
    saga = put("saga.started charge:S charge:C ship:S", "o/ 1", ago=31)
    sweep()
    summary = Alert.objects.get().summary
    problem = Problem.objects.get()
    told = "".join(part["text"] for part in summary["sentence"])
    assert told.startswith("shipping was asked to ship parcel at ")
    assert told.endswith(" and has not answered; its 30 s deadline passed just now.")
    del summary["sentence"]
    since = saga.last_event_at + timedelta(seconds=30)
    assert summary == {
        "problem": problem.pk,
        "occasion": "opened",
        "saga_type": "order",
        "type_title": "Order fulfilment",
        "step": "ship",
        "code": "step_in_doubt",
        "condition": "in_doubt",
        "severity": "error",
        "title": "ship parcel never answered",
        "explanation": "shipping was asked, then nothing for more than 30 s",
        "participant": "shipping",
        "owner": "orders@shop.example",
        "runbook": "https://runbooks.shop.example/order",
        "count": 1,
        "told_before": 0,
        "total": 1,
        "stake": "",
        "since": since.isoformat().replace("+00:00", "Z"),
        "closed_at": None,
        "link": f"https://amends.shop.example/problems/{problem.pk}/",
        "sagas": [{"id": "o/ 1", "link": "https://amends.shop.example/sagas/order/o%2F%201/"}],
        "problems": [],
        "problem_count": 1,
        "lines": [],
        "about": "",
        "handled": "",
    }


def test_what_is_at_stake_is_told_and_routed(settings: Any) -> None:
    define(STAKED)
    for number in range(3):
        put(
            "saga.started charge:S",
            f"o-{number}",
            ago=31,
            data='{"total": {"amount": 40.5, "currency": "EUR"}}',
        )
    steps = (Step(("ALERT_EMAIL_TO",)),)
    body = routing.to_json(
        Route(name="money", match=Match(stake_from=121, stake_currency="EUR"), steps=steps)
    )
    models.Route.objects.create(name="money", position=1, body=body)
    settings.ALERT_EMAIL_TO = ["money@shop.example"]
    sweep()
    alert = Alert.objects.get()
    assert alert.summary["stake"] == "121.50 EUR"
    assert alert.deliveries.get(target="money@shop.example").because == "route “money”"
    assert Incident.objects.get().told_stake == {"EUR": "121.50000000"}


def test_a_mistake_about_one_problem_keeps_no_other_back(monkeypatch: pytest.MonkeyPatch) -> None:
    define()
    put("saga.started charge:S charge:C ship:S", "o-1", ago=31)
    put("saga.started charge:S", "o-2", ago=31)
    summarise = intents.summarise

    def broken(group: Any, *given: Any) -> Any:
        if group.members[0].participant == "shipping":
            raise KeyError("a bug")
        return summarise(group, *given)

    monkeypatch.setattr(intents, "summarise", broken)
    with capture_logs() as logs:
        sweep()
    assert [alert.summary["participant"] for alert in Alert.objects.all()] == ["payment"]
    assert [one["event"] for one in logs] == ["alerts: people cannot be told"]
    monkeypatch.undo()
    sweep()
    assert Alert.objects.count() == 2


def test_a_story_that_cannot_be_told_keeps_no_alert_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args):
        raise KeyError("a bug")

    monkeypatch.setattr(summarising.story, "tell", broken)
    put("saga.started charge:T")
    with capture_logs() as logs:
        sweep()
    assert Alert.objects.get().summary["sentence"] == []
    assert [one["event"] for one in logs] == ["alerts: a story cannot be told"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\r\nBcc: b@example.com", "a Bcc: b@example.com"),
        ("  a \t b  ", "a b"),
        ("a\u202eb\u2066c\x07d\u2028e", "a b c d e"),
        ("x" * 600, "x" * 499 + "…"),
    ],
)
def test_what_came_from_outside_is_one_line(given: str, shown: str) -> None:
    assert line(given) == shown


SUMMARY = {
    "saga_type": "order",
    "title": "ship parcel never answered",
    "count": 1,
    "total": 12,
    "told_before": 1,
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"occasion": "opened"}, "[Amends] order: ship parcel never answered · 1 saga"),
        ({"occasion": "opened", "count": 1234}, "[Amends] order: ship parcel never answered · 1,234 sagas"),
        (
            {"occasion": "worsened", "count": 12},
            "[Amends] order: ship parcel never answered · 12 sagas, was 1",
        ),
        ({"occasion": "resolved"}, "[Amends] Resolved: order: ship parcel never answered · 12 sagas had it"),
        (
            {"occasion": "opened", "saga_type": "", "title": "payment has gone silent", "count": 0},
            "[Amends] payment has gone silent",
        ),
        (
            {"occasion": "resolved", "saga_type": "", "title": "payment has gone silent", "total": 0},
            "[Amends] Resolved: payment has gone silent",
        ),
        ({"occasion": "opened", "title": "x" * 400}, "[Amends] order: " + "x" * 172 + "…"),
    ],
)
def test_the_subject(change: dict, expected: str) -> None:
    assert subject(convert(SUMMARY | change, Summary)) == expected
