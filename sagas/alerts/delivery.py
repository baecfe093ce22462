"""Getting alerts to people: claim, send outside any transaction, record.

A process that dies between sending and recording leaves a lease that runs out; the message is then sent
again under the same id, by which whoever got it twice can tell.
"""

import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from django.db import transaction
from django.utils import timezone

from sagas import changes, heartbeats, secrets
from sagas.alerts import health, registered, statements
from sagas.alerts.channels.kind import DeliveryError, Sent
from sagas.alerts.message import Message, Words
from sagas.alerts.signing import acts_for
from sagas.alerts.wording import spoken
from sagas.mistakes import MISTAKES
from sagas.models import Delivery, DeliveryAttempt, Thread
from sagas.sql import run
from sagas.threads import hangs_up
from sagas.vocabulary import Occasion

log = structlog.get_logger()

HEARTBEAT = "deliver_alerts"

# Occasions on which somebody has to act.
ASKING = frozenset({Occasion.OPENED, Occasion.WORSENED, Occasion.REOPENED, Occasion.ESCALATED})

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
    with turn() as is_ours:
        if not is_ours:
            return 0
        started = time.monotonic()
        while time.monotonic() - started < BUDGET and (batch := claim(timezone.now())):
            send(batch)
            tried += len(batch)
        health.see_to(timezone.now())
    heartbeats.beat(HEARTBEAT, timezone.now())
    return tried


@contextmanager
def turn() -> Iterator[bool]:
    """Whether it is ours to send, until the block ends."""
    ((is_ours,),) = run(statements.TAKE_TURN)
    try:
        yield is_ours
    finally:
        if is_ours:
            run(statements.END_TURN)


def claim(now: datetime, most: int = BATCH) -> list[Delivery]:
    """Deliveries that are due, for the caller alone until their lease runs out."""
    rows = run(statements.CLAIM, now=now, lease=now + LEASE, most=most)
    found = Delivery.objects.select_related("alert__incident", "channel")
    return list(found.filter(pk__in=[pk for (pk,) in rows]).order_by("pk"))


def send(batch: list[Delivery]) -> None:
    """Send claimed deliveries side by side, each recorded as soon as it is known how it went."""
    with ThreadPoolExecutor(len(batch), thread_name_prefix="alerts") as threads:
        states = _states(batch)
        sending = {
            threads.submit(hangs_up(hand_over), one, message_of(one), states.get(one.pk, {})): one
            for one in batch
        }
        for done in as_completed(sending):
            _record(sending[done], done)


def _states(batch: list[Delivery]) -> dict[int, dict[str, Any]]:
    """What each delivery's thread remembers."""
    rows = Thread.objects.filter(
        incident__in=[one.alert.incident_id for one in batch if one.alert.incident_id]
    )
    known: dict[tuple[int | None, int, str], Any] = {
        (row.incident_id, row.channel_id, row.target): row.state for row in rows
    }
    return {one.pk: known.get((one.alert.incident_id, one.channel_id, one.target), {}) for one in batch}


def message_of(delivery: Delivery) -> Message:
    """As it is sent; the same each time, but for the signatures of its links."""
    alert = delivery.alert
    incident = alert.incident
    sentence = msgspec.convert(alert.summary.get("sentence", []), tuple[Words, ...])
    return msgspec.convert(
        alert.summary
        | {
            "id": str(delivery.message_id),
            "at": alert.created_at.isoformat(),
            "thread": f"amends-{incident.key if incident else alert.summary.get('about') or alert.pk}",
            "zone": delivery.zone,
            "because": delivery.because,
            # Alerts that were written before sentences had parts hold it as one text.
            "story": spoken(sentence, alert.created_at, delivery.zone) or alert.summary.get("story", ""),
            "acts": acts_for(delivery, incident) if alert.occasion in ASKING else None,
        },
        Message,
    )


def hand_over(delivery: Delivery, message: Message, state: Mapping[str, Any]) -> Sent:
    """To the channel, which calls others. Raises `DeliveryError`."""
    channel = delivery.channel
    try:
        destination = registered.destination(channel, delivery.target)
    except secrets.SecretUnreadableError as error:
        raise DeliveryError(str(error)) from None
    if delivery.target not in registered.kind_of(channel).targets(destination.config, message.owner):
        raise DeliveryError(f"It is no longer among the addresses of {channel.name}.", permanent=True)
    return registered.kind_of(channel).send(message, destination.hiding(message), state)


def _record(delivery: Delivery, done: Future[Sent]) -> None:
    try:
        sent = done.result()
    except DeliveryError as error:
        record_failure(delivery, error, timezone.now())
    except MISTAKES as error:
        log.exception("alerts: a message could not be made", delivery=delivery.pk)
        failure = DeliveryError(f"Amends made a mistake: {type(error).__name__}, see its log.")
        record_failure(delivery, failure, timezone.now())
    else:
        record_sent(delivery, sent, timezone.now())


@transaction.atomic
def record_sent(delivery: Delivery, sent: Sent, now: datetime) -> None:
    DeliveryAttempt.objects.create(delivery=delivery, at=now, request=sent.request, answer=sent.answer)
    # Whoever has claimed it since will find it sent.
    Delivery.objects.filter(pk=delivery.pk).update(state=Delivery.State.SENT, sent_at=now)
    if delivery.alert.incident_id:
        threads = Thread.objects.filter(incident=delivery.alert.incident_id, channel=delivery.channel_id)
        threads.filter(target=delivery.target).update(state=dict(sent.state))
    health.took(delivery.channel, now)
    changes.tell("problems", "alerts")


@transaction.atomic
def record_failure(delivery: Delivery, error: DeliveryError, now: datetime) -> None:
    DeliveryAttempt.objects.create(
        delivery=delivery, at=now, error=str(error), request=error.request, answer=error.answer
    )
    wait = pause(delivery.attempts, random.random())  # noqa: S311  (it only has to differ)
    is_test = delivery.alert.occasion == Occasion.TEST
    is_last = error.permanent or is_test or delivery.attempts >= MOST_ATTEMPTS
    # Only while the claim still holds: another may have sent it since.
    Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.PENDING, attempts=delivery.attempts).update(
        state=Delivery.State.FAILED if is_last else Delivery.State.PENDING,
        next_attempt_at=now + timedelta(seconds=max(wait, error.retry_after or 0)),
    )
    if not is_test:
        health.refused(delivery.channel, str(error), now)
    log.warning(
        "alerts: nobody took it",
        channel=delivery.channel.name,
        target=delivery.target,
        attempts=delivery.attempts,
        given_up=is_last,
        error=str(error),
    )
    changes.tell("problems", "alerts")


def pause(attempts: int, chance: float) -> float:
    """Seconds until the next try after so many; `chance` in [0, 1) spreads those who failed together."""
    full = min(LONGEST_PAUSE, FIRST_PAUSE * 3.0 ** min(attempts - 1, 20))
    return full * (0.8 + 0.4 * chance)
