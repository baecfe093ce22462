"""A simulated night: an outage of one participant, on a clock that is driven, told to those on call."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from sagas import ingest
from sagas.alerts import acts, registered, routing
from sagas.alerts.channels import KINDS
from sagas.alerts.delivery import deliver
from sagas.alerts.routing import Step
from sagas.audit import Actor
from sagas.definitions.fields import Seconds
from sagas.detection.sweep import sweep
from sagas.events import Incoming
from sagas.models import Channel, Finding, Incident, Participant, Problem, Route
from sagas.vocabulary import Kind
from tests.sagas.alerts.receivers import SECRET, Receiver, receiver
from tests.sagas.storing import define

pytestmark = pytest.mark.django_db(transaction=True)

TYPES = ("order", "gift", "return")
DEFINITION = """
type: {}
version: "1"
owner: team-orders
steps:
  - {{name: ship, title: ship parcel, kind: pivot, participant: shipping, deadline: 30s}}
"""


@pytest.fixture
def second(settings: Any) -> Iterator[Receiver]:
    with receiver() as served:
        yield served


@pytest.fixture
def on_call(hooks: Receiver, second: Receiver, settings: Any) -> None:
    """First one person; after ten minutes without an acknowledgement the other."""
    settings.ALERT_WEBHOOK_URLS = []
    kind = KINDS["webhook"]
    for name, one in (("first", hooks), ("second", second)):
        config = registered.seal(kind, {"urls": [one.url], "secret": SECRET})
        Channel.objects.create(name=name, kind="webhook", config=config, per_minute=600)
    steps = (Step(("first",)), Step(("second",), Seconds(600)))
    body = routing.to_json(routing.Route(name="on call", steps=steps, zone="Europe/Berlin"))
    Route.objects.create(name="on call", position=1, body=body)


class Outage:
    """Sagas of three types come in all the time, and shipping answers none of them."""

    def __init__(self) -> None:
        for name in TYPES:
            define(DEFINITION.format(name))
        self.participant = Participant.objects.create(name="shop")
        self.start = self.now = timezone.now() - timedelta(hours=2)
        self.count = 0
        self.first_found: datetime | None = None

    def store(self, *told: tuple[Kind, str, int], at: datetime) -> None:
        """Kinds of events of a step, each of a saga by its number."""
        events = [
            Incoming(
                source="//shop",
                id=f"{number} {kind} {step}",
                kind=kind,
                saga_type=TYPES[number % len(TYPES)],
                saga_id=f"o-{number}",
                step=step,
                execution="",
                time=at,
                data='{"error": "503"}' if "fail" in kind else None,
            )
            for kind, step, number in told
        ]
        for first in range(0, len(events), 1000):
            ingest.store(events[first : first + 1000], participant=self.participant, now=at)

    def pass_by(self, seconds: float, sagas: int = 0) -> None:
        """`sagas` begin, and fall due 30 s later; every fifth is tried in vain meanwhile."""
        new = range(self.count, self.count + sagas)
        self.count += sagas
        told = [
            event
            for number in new
            for event in (
                (Kind.SAGA_STARTED, "", number),
                (Kind.STEP_STARTED, "ship", number),
                *([(Kind.STEP_ATTEMPT_FAILED, "ship", number)] if number % 5 == 0 else []),
            )
        ]
        self.store(*told, at=self.now)
        self.now += timedelta(seconds=seconds)
        sweep(self.now)
        if self.first_found is None and Finding.objects.exists():
            self.first_found = self.now

    def recover(self) -> None:
        for first in range(0, self.count, 2000):
            those = range(first, min(first + 2000, self.count))
            done = [
                (kind, step, number) for number in those for kind, step in ((Kind.STEP_COMPLETED, "ship"),)
            ]
            self.store(*done, at=self.now)
        # A sweep leaves to the next one what takes it too long.
        for _ in range(100):
            self.now += timedelta(seconds=1)
            sweep(self.now)
            if not Finding.objects.filter(closed_at=None).exists():
                break
        for _ in range(3):
            self.now += timedelta(seconds=10)
            sweep(self.now)


def said(receiver: Receiver) -> list[str]:
    return [hook.body["type"].removeprefix("problem.") for hook in receiver.hooks]


def test_an_outage_of_half_an_hour_and_10000_sagas(on_call: None, hooks: Receiver, second: Receiver) -> None:
    outage = Outage()
    for _ in range(10):
        outage.pass_by(6, sagas=34)
    for _ in range(58):
        outage.pass_by(30, sagas=167)
    outage.pass_by(60)
    assert outage.count >= 10_000
    assert Problem.objects.filter(closed_at=None).count() == 6
    outage.recover()
    assert not Finding.objects.filter(closed_at=None).exists()
    while deliver():
        pass
    # Those on call hear of it at once, that it grows, and that it is over: one thread, few messages.
    assert said(hooks)[0] == "opened"
    assert said(hooks)[-1] == "resolved"
    assert said(hooks).count("resolved") == 1
    assert len(hooks.hooks) <= 5
    assert len({hook.body["data"]["thread"] for hook in hooks.hooks + second.hooks}) == 1
    assert outage.first_found
    first_told = datetime.fromisoformat(hooks.hooks[0].body["timestamp"])
    assert first_told - outage.first_found <= timedelta(seconds=10)
    # Nothing is lost: every problem belongs to what was told, and each saga was counted.
    assert Incident.objects.get().problems.count() == Problem.objects.count() == 6
    over = hooks.hooks[-1].body["data"]
    assert over["total"] == outage.count
    assert over["problem_count"] == 6
    # The second hears because the first did not acknowledge, and then that it is over.
    assert said(second)[0] == "escalated"
    assert said(second)[-1] == "resolved"
    because = second.hooks[0].body["data"]["because"]
    assert because == "step 2 of route “on call”, as nobody saw to it for 10 min"


def test_nobody_else_is_woken_once_somebody_sees_to_it(
    on_call: None, hooks: Receiver, second: Receiver
) -> None:
    outage = Outage()
    for minute in range(20):
        outage.pass_by(60, sagas=3)
        if minute == 2:
            acts.acknowledge(Incident.objects.get().pk, Actor("person", "anna"), outage.now)
    outage.recover()
    while deliver():
        pass
    assert said(hooks)[:2] == ["opened", "acknowledged"]
    assert said(hooks)[-1] == "resolved"
    assert len(hooks.hooks) <= 5
    assert not second.hooks
