"""One of everything that a page or the API can show, as small as it can be."""

import json
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from compensation import repairs
from compensation.models import Repair
from console import exports
from console.audit_search import Search
from console.models import AuditExport
from sagas import definitions, events, ingest, participants, replays, trials
from sagas.alerts import setup, silences
from sagas.alerts.matching import Match
from sagas.alerts.routing import Route, Step
from sagas.audit import Actor
from sagas.events import Incoming
from sagas.models import (
    AlertSilence,
    Finding,
    ForeignType,
    Incident,
    Membership,
    Participant,
    ParticipantKey,
    Problem,
    Quarantined,
    Replay,
    Saga,
    Transition,
    Trial,
)
from sagas.vocabulary import Code, Condition, Kind, Severity

YAML = """\
type: order
version: "1"
title: Order fulfilment
owner: orders@shop.example
deadline: 1h
keys:
  order: order_id
display:
  total: [total.amount, total.currency]
steps:
  - name: reserve-stock
    kind: compensatable
    participant: inventory
    compensation:
      title: release stock
      request: POST /compensations/reserve-stock
      body: {saga: "{saga}", reservation: "{data.reservation_id}", reason: "{reason}"}
  - name: ship-parcel
    title: ship parcel
    kind: pivot
    participant: shipping
    deadline: 10s
    status:
      request: GET /steps/ship-parcel?saga={saga}
"""

US = Actor.system()

# Payloads of each saga: what it is about, and what was reserved.
ABOUT = '{"order_id": 8492, "total": {"amount": 49.90, "currency": "EUR"}}'
RESERVED = '{"reservation_id": "rs-1"}'


@dataclass(frozen=True)
class World:
    inventory: Participant
    shipping: Participant
    key: ParticipantKey
    secret: str  # of the key
    saga: Saga  # its stock is reserved, and shipping never answered
    well: Saga  # a second one, which no repair has touched
    problem: Problem
    finding: Finding  # of saga and problem
    accepted: Finding  # of the second saga
    quarantined: Quarantined
    foreign_type: ForeignType  # of an event that is in quarantine, too
    replay: Replay  # of another one, which is done
    repair: Repair
    trial: Trial  # done, of a new version
    asked: Trial  # still at work
    export: AuditExport  # done
    exporting: AuditExport  # still at work
    incident: Incident  # of the problem
    silence: AlertSilence  # of something else


def told(saga_id: str, kind: Kind, step: str = "", *, ago: float, data: str | None = None) -> Incoming:
    time = timezone.now() - timedelta(seconds=ago)
    source = f"//shop/{step or 'order'}"
    return Incoming(
        source=source,
        id=f"{saga_id} {kind} {step}",
        kind=kind,
        saga_type="order",
        saga_id=saga_id,
        step=step,
        time=time,
        data=data,
    )


def saga(saga_id: str, participant: Participant) -> Saga:
    """Stock was reserved a minute ago, and shipping was asked, and has not answered."""
    events = [
        told(
            saga_id,
            Kind.SAGA_STARTED,
            ago=62,
            data=ABOUT,
        ),
        told(saga_id, Kind.STEP_STARTED, "reserve-stock", ago=61),
        told(saga_id, Kind.STEP_COMPLETED, "reserve-stock", ago=60, data=RESERVED),
        told(saga_id, Kind.STEP_STARTED, "ship-parcel", ago=59),
    ]
    results = ingest.store(events, participant=participant)
    assert {result.outcome for result in results} == {"stored"}
    return Saga.objects.get(saga_type="order", saga_id=saga_id)


def start(of: Saga) -> Repair:
    seen = repairs.preview(of, "compensate", "reserve-stock")
    assert seen.plan.can_start, seen.plan.refusals
    return repairs.start(
        of, "compensate", "reserve-stock", "ticket OPS-1", seen.revision, seen.hash, US, None
    )


def tried(text: str) -> Trial:
    """A trial that has come to its end."""
    trial = trials.ask(text, "order.yaml", US)
    trial.state, trial.finished_at = Trial.State.DONE, timezone.now()
    trial.save()
    return trial


def exported() -> AuditExport:
    export = exports.ask(Search(), "csv", US)
    exports.work()
    export.refresh_from_db()
    return export


def orphan(participant: Participant, name: str) -> ForeignType:
    """The type of an event that no mapping took."""
    body = {"specversion": "1.0", "id": name, "source": "//shop", "type": name, "data": {"order": "o-2"}}
    event = events.read(json.dumps(body).encode(), now=timezone.now(), largest=1000)
    assert [result.reason for result in ingest.store([event], participant=participant)] == ["orphan_event"]
    return ForeignType.objects.get(type=name)


def build() -> World:
    definitions.load(YAML, "order.yaml", US)
    inventory = participants.create(
        "inventory", US, base_url="http://127.0.0.1:9", owner="stock@shop.example"
    )
    participants.issue_signing_secret(inventory, US)
    shipping = participants.create("shipping", US)
    secret = participants.issue_key(shipping, ["order"], US)
    sick, well = saga("o/1", shipping), saga("o-2", shipping)
    now = timezone.now()
    problem = Problem.objects.create(
        saga_type="order",
        step="ship-parcel",
        code=Code.STEP_IN_DOUBT,
        condition=Condition.IN_DOUBT,
        severity=Severity.ERROR,
        title="ship parcel never answered",
        opened_at=now,
        open_count=1,
        accepted_count=1,
        total_count=2,
    )
    finding = Finding.objects.create(
        saga=sick,
        problem=problem,
        code=problem.code,
        step=problem.step,
        condition=problem.condition,
        severity=Severity.ERROR,
        since=now - timedelta(seconds=49),
        evidence=[{"source": "//shop/ship-parcel", "id": "o/1 step.started ship-parcel"}],
        opened_at=now,
    )
    accepted = Finding.objects.create(
        saga=well,
        problem=problem,
        code=problem.code,
        step=problem.step,
        condition=problem.condition,
        severity=Severity.ERROR,
        since=now - timedelta(seconds=49),
        opened_at=now,
        accepted_at=now,
        accepted_by="ada",
        accepted_reason="known",
    )
    Transition.objects.create(finding=accepted, at=now, what=Transition.What.ACCEPTED, by="ada")
    Saga.objects.filter(pk=sick.pk).update(condition=Condition.IN_DOUBT)
    Saga.objects.update(has_findings=True)
    quarantined = Quarantined.objects.create(
        participant=shipping,
        received_at=now,
        body=b'{"id": 1}',
        reason="missing_attribute",
        detail="No source.",
    )
    foreign_type, other = orphan(shipping, "OrderShipped"), orphan(shipping, "OrderLost")
    replay = replays.ask(other, US)
    assert replay
    Replay.objects.filter(pk=replay.pk).update(state=Replay.State.DONE, finished_at=now)
    return World(
        inventory,
        shipping,
        ParticipantKey.objects.get(),
        secret,
        sick,
        well,
        problem,
        finding,
        accepted,
        quarantined,
        foreign_type,
        replay,
        start(sick),
        tried(YAML.replace('version: "1"', 'version: "2"')),
        trials.ask(YAML.replace('version: "1"', 'version: "3"'), "order.yaml", US),
        exported(),
        exports.ask(Search(), "jsonl", US),
        *alerting(problem),
    )


def alerting(problem: Problem) -> tuple[Incident, AlertSilence]:
    """A channel that reaches owners only, a route to it, and what people know of the problem."""
    setup.save_channel("ops", "email", {"owner": "on"}, US)
    setup.save_route(Route(name="orders", match=Match(saga_types=("orders",)), steps=(Step(("ops",)),)), US)
    now = timezone.now()
    incident = Incident.objects.create(key=uuid4(), opened_at=now, joined_at=now)
    Membership.objects.create(incident=incident, problem=problem, joined_at=now)
    silence = silences.ask(Match(saga_types=("laundry",)), "OPS-2", now + timedelta(hours=1), US, now)
    return incident, silence
