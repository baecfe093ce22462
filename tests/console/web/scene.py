"""One of each thing that pages show, made by the doors that people use; and a look at a page."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from django.utils import timezone

from compensation.models import Repair, RepairAction
from sagas import definitions, events, ingest, participants, trials
from sagas.audit import Actor
from sagas.models import (
    Alert,
    Channel,
    Definition,
    Delivery,
    DeliveryAttempt,
    Finding,
    Heartbeat,
    Participant,
    ParticipantKey,
    Problem,
    Quarantined,
    Replay,
    Saga,
    SagaKey,
    Trial,
)
from sagas.trials import Results
from sagas.vocabulary import FAULTS, Code
from tests.console.cast import Person

ADA = Actor("person", "ada", "10.0.3.7")

ORDERS = """\
type: order-fulfilment
version: "3"
title: Order fulfilment
owner: orders-oncall@shop.example
runbook: https://runbooks.shop.example/order-fulfilment
deadline: 5m
keys: {order: order_id}
display: {order total: [total.amount, total.currency]}
steps:
  - name: charge-card
    kind: compensatable
    participant: payment
    deadline: 10s
    compensation:
      title: refund card
      request: POST /compensations/charge-card
  - name: ship-parcel
    kind: pivot
    participant: shipping
    deadline: 30s
    status: {request: "GET /steps/ship-parcel?saga={saga}"}
"""


DRAFT = (
    ORDERS.replace('version: "3"', 'version: "4"')
    + """\
rules:
  - {name: paid, title: shipped ⇒ paid, expression: "!steps['ship-parcel'].open || steps['charge-card'].open"}
"""
)


@dataclass
class Scene:
    definition: Definition
    shipping: Participant
    key: ParticipantKey
    saga: Saga
    problem: Problem
    finding: Finding  # of that saga and problem
    repair: Repair
    quarantined: Quarantined
    orphan: Quarantined
    replay: Replay
    trial: Trial


def page(somebody: Person, address: str = "/") -> str:
    """What the person sees there."""
    answer = somebody.browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def set_up() -> Scene:
    definition = definitions.load(ORDERS, "orders.yaml", ADA).row
    ingest.adopt(definition)
    shipping = participants.create(
        "shipping", ADA, base_url="https://shipping.shop.example", owner="shipping@shop.example"
    )
    participants.issue_key(shipping, ["order-fulfilment"], ADA)
    saga = make_saga("order-8492", definition, keys={"order": "8492"}, display={"order total": "129.90 EUR"})
    problem = make_problem("ship parcel never answered", [saga])
    tell(problem, Delivery.State.SENT)
    Heartbeat.objects.create(name="sweep", at=timezone.now())
    return Scene(
        definition,
        shipping,
        shipping.keys.get(),
        saga,
        problem,
        problem.findings.get(),
        make_repair(saga),
        make_quarantined(shipping),
        orphan := make_orphan(shipping, "com.shop.order.shipped.v1"),
        make_replay(orphan),
        make_trial(saga),
    )


def make_saga(
    saga_id: str,
    definition: Definition | None = None,
    *,
    saga_type: str = "order-fulfilment",
    keys: dict[str, str] | None = None,
    **columns: Any,
) -> Saga:
    now = timezone.now()
    saga = Saga.objects.create(
        saga_type=saga_type,
        saga_id=saga_id,
        definition=definition,
        **{"started_at": now, "last_event_at": now} | columns,
    )
    SagaKey.objects.bulk_create(
        SagaKey(saga=saga, name=name, value=value) for name, value in (keys or {}).items()
    )
    return saga


def make_problem(
    title: str,
    sagas: list[Saga],
    *,
    code: Code = Code.STEP_IN_DOUBT,
    since: datetime | None = None,
    **columns: Any,
) -> Problem:
    since = since or timezone.now() - timedelta(minutes=16)
    fault = FAULTS[code]
    problem = Problem.objects.create(
        **{
            "saga_type": "order-fulfilment",
            "step": "ship-parcel",
            "code": code,
            "condition": fault.condition,
            "severity": fault.severity,
            "title": title,
            "explanation": "shipping accepted the request, then nothing for more than 30 s",
            "participant": "shipping",
            "owner": "orders-oncall@shop.example",
            "opened_at": since,
            "open_count": len(sagas),
            "total_count": len(sagas),
        }
        | columns
    )
    for saga in sagas:
        Finding.objects.create(
            saga=saga,
            problem=problem,
            code=code,
            step=problem.step,
            condition=fault.condition,
            severity=fault.severity,
            since=since,
            opened_at=since,
        )
        Saga.objects.filter(pk=saga.pk).update(condition=fault.condition, has_findings=True)
    return problem


def tell(problem: Problem, state: str, *, error: str = "") -> Delivery:
    now = timezone.now()
    alert = Alert.objects.create(problem=problem, occasion="opened", created_at=now, summary={})
    delivery = Delivery.objects.create(
        alert=alert,
        channel=Channel.objects.get_or_create(name="E-mail", kind="email", per_minute=60)[0],
        target="orders-oncall@shop.example",
        message_id=uuid4(),
        state=state,
        attempts=1,
        next_attempt_at=now,
        sent_at=now if state == Delivery.State.SENT else None,
    )
    DeliveryAttempt.objects.create(delivery=delivery, at=now, error=error)
    return delivery


def make_trial(*sagas: Saga, text: str = "", state: str = Trial.State.DONE) -> Trial:
    """A trial of a new version that found something of everything in these sagas."""
    trial = trials.ask(text or DRAFT, "draft", ADA)
    found, pks = Results(looked_at=len(sagas), events=9, takers=1), [saga.pk for saga in sagas]
    for listed in (found.flagged, found.newly, found.freed, found.unread):
        listed.count, listed.sagas = len(pks), pks
    for code, step in (
        (Code.STEP_IN_DOUBT, "ship-parcel"),
        (Code.RULE_BROKEN, "rule:paid"),
        (Code.RULE_UNDECIDED, "rule:paid"),
        (Code.UNKNOWN_STEP, "pack"),
    ):
        flag = found.flag(code, step, f"{step} is not as it should be")
        assert flag
        for pk in pks:
            flag.new.add(pk)
            flag.gone.add(pk)
    for pk in pks:
        found.change("running", "completed").sagas.add(pk)
        found.meet("pack", pk)
    trial.state, trial.results, trial.looked_at = state, msgspec.to_builtins(found), len(sagas)
    trial.of, trial.began_at = max(len(sagas), 1), timezone.now()
    trial.save()
    return trial


def make_repair(saga: Saga, **columns: Any) -> Repair:
    repair = Repair.objects.create(
        **{
            "saga": saga,
            "intent": "compensate",
            "reason": "Ticket OPS-2291",
            "revision": 0,
            "plan": {},
            "plan_hash": "0" * 64,
            "started_by_name": "otto",
            "started_at": timezone.now(),
        }
        | columns
    )
    for position, state in enumerate(["done", "ready"], start=1):
        RepairAction.objects.create(
            repair=repair,
            position=position,
            saga=saga,
            kind="compensate",
            step=f"step-{repair.pk}-{position}",
            request={},
            idempotency_key=f"{repair.pk}-{position}",
            state=state,
        )
    return repair


def make_orphan(participant: Participant, name: str, **body: Any) -> Quarantined:
    """An event that no mapping took."""
    event = {"specversion": "1.0", "id": uuid4().hex, "source": "//shop.example", "type": name} | body
    read = events.read(json.dumps(event).encode(), now=timezone.now(), largest=10_000)
    ingest.store([read], participant=participant)
    return Quarantined.objects.latest("pk")


def make_replay(orphan: Quarantined, **columns: Any) -> Replay:
    """Of its type, and done."""
    now = timezone.now()
    return Replay.objects.create(
        **{
            "foreign_type": orphan.foreign_type,
            "actor_kind": "person",
            "actor": "otto",
            "asked_at": now,
            "until": orphan.pk,
            "total": 1204,
            "taken": 1200,
            "refused": 3,
            "state": Replay.State.DONE,
            "finished_at": now,
        }
        | columns
    )


def make_quarantined(participant: Participant, **columns: Any) -> Quarantined:
    return Quarantined.objects.create(
        **{
            "participant": participant,
            "received_at": timezone.now(),
            "body": b'{"specversion": "1.0", "type": "step.finished"}',
            "reason": "unknown_kind",
            "detail": "step.finished is no kind that Amends knows",
        }
        | columns
    )
