"""Getting alerts to people: claim, send outside any transaction, record.

A process that dies between sending and recording leaves a lease that runs out; the message is then sent
again under the same id, by which whoever got it twice can tell.
"""

import random
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
import structlog
from django.db import transaction
from django.utils import timezone

from sagas import changes, heartbeats
from sagas.alerts import builtin, statements
from sagas.alerts.channels import KINDS
from sagas.alerts.channels.kind import DeliveryError, Sent
from sagas.alerts.message import Message
from sagas.mistakes import MISTAKES
from sagas.models import Delivery, DeliveryAttempt
from sagas.sql import run

log = structlog.get_logger()

HEARTBEAT = "deliver_alerts"

# Longer than any channel takes to fail.
LEASE = timedelta(seconds=60)

# Deliveries that are sent side by side.
BATCH = 10

# Seconds after which a run leaves the rest to the next one.
BUDGET = 5.0

# 5 s after the first failure, then three times as long each time, at most an hour: 30 tries are about a day.
MOST_ATTEMPTS = 30
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 3600.0


def deliver() -> int:
    """Send what is due; how many were tried. One at a time: a dead receiver must not take every worker."""
    tried = 0
    with _turn() as is_ours:
        if not is_ours:
            return 0
        started = time.monotonic()
        while time.monotonic() - started < BUDGET and (batch := claim(timezone.now())):
            send(batch)
            tried += len(batch)
    heartbeats.beat(HEARTBEAT, timezone.now())
    return tried


@contextmanager
def _turn() -> Iterator[bool]:
    ((is_ours,),) = run(statements.TAKE_TURN)
    try:
        yield is_ours
    finally:
        if is_ours:
            run(statements.END_TURN)


def claim(now: datetime, most: int = BATCH) -> list[Delivery]:
    """Deliveries that are due, for the caller alone until their lease runs out."""
    rows = run(statements.CLAIM, now=now, lease=now + LEASE, most=most)
    return list(Delivery.objects.select_related("alert").filter(pk__in=[pk for (pk,) in rows]).order_by("pk"))


def send(batch: list[Delivery]) -> None:
    """Send claimed deliveries side by side, each recorded as soon as it is known how it went."""
    with ThreadPoolExecutor(len(batch), thread_name_prefix="alerts") as threads:
        sending = {threads.submit(_send, one, _message(one)): one for one in batch}
        for done in as_completed(sending):
            _record(sending[done], done)


def _message(delivery: Delivery) -> Message:
    alert = delivery.alert
    return msgspec.convert(
        alert.summary
        | {
            "id": str(delivery.message_id),
            "at": alert.created_at.isoformat(),
            "thread": f"amends-problem-{alert.problem_id}",
        },
        Message,
    )


def _send(delivery: Delivery, message: Message) -> Sent:
    kind, destination = KINDS[delivery.channel], builtin.destination(delivery.channel, delivery.target)
    if delivery.target not in kind.targets(destination.config, message.owner):
        raise DeliveryError(f"It is no longer among {destination.name}.", permanent=True)
    return kind.send(message, destination, {})


def _record(delivery: Delivery, done: Future[Sent]) -> None:
    try:
        done.result()
    except DeliveryError as error:
        record_failure(delivery, error, timezone.now())
    except MISTAKES as error:
        log.exception("alerts: a message could not be made", delivery=delivery.pk)
        failure = DeliveryError(f"Amends made a mistake: {type(error).__name__}, see its log.")
        record_failure(delivery, failure, timezone.now())
    else:
        record_sent(delivery, timezone.now())


@transaction.atomic
def record_sent(delivery: Delivery, now: datetime) -> None:
    DeliveryAttempt.objects.create(delivery=delivery, at=now)
    # Whoever has claimed it since will find it sent.
    Delivery.objects.filter(pk=delivery.pk).update(state=Delivery.State.SENT, sent_at=now)
    changes.tell("problems")


@transaction.atomic
def record_failure(delivery: Delivery, error: DeliveryError, now: datetime) -> None:
    DeliveryAttempt.objects.create(delivery=delivery, at=now, error=str(error))
    wait = pause(delivery.attempts, random.random())  # noqa: S311
    is_last = error.permanent or delivery.attempts >= MOST_ATTEMPTS
    # Only while the claim still holds: another may have sent it since.
    Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.PENDING, attempts=delivery.attempts).update(
        state=Delivery.State.FAILED if is_last else Delivery.State.PENDING,
        next_attempt_at=now + timedelta(seconds=max(wait, error.retry_after or 0)),
    )
    log.warning(
        "alerts: nobody took it",
        channel=delivery.channel,
        target=delivery.target,
        attempts=delivery.attempts,
        given_up=is_last,
        error=str(error),
    )
    changes.tell("problems")


def pause(attempts: int, chance: float) -> float:
    """Seconds until the next try after so many; `chance` in [0, 1) spreads those who failed together."""
    full = min(LONGEST_PAUSE, FIRST_PAUSE * 3.0 ** min(attempts - 1, 20))
    return full * (0.8 + 0.4 * chance)
