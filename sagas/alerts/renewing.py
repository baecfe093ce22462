"""Telling once more what others take for over when they do not hear of it again (`Kind.renews`).

Done in a deliverer's turn, so that nobody renews what another is just telling to be over. What is said is
the thread's last message, with its id. It is no delivery of its own: these would hide all others.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from itertools import groupby

import structlog
from django.db import transaction

from sagas import heartbeats
from sagas.alerts import delivery, health, statements
from sagas.alerts.channels import KINDS
from sagas.alerts.channels.kind import RENEW_EVERY, DeliveryError, Sent
from sagas.mistakes import MISTAKES
from sagas.models import Channel, Delivery, Heartbeat, Thread
from sagas.sql import run
from sagas.threads import hangs_up

log = structlog.get_logger()

HEARTBEAT = "renew_alerts"

# Threads that are renewed side by side.
BATCH = 10

# A thread, and what it was told last.
Told = tuple[Thread, Delivery]


def renew(now: datetime) -> int:
    """Renew all threads that are open, if that is due and it is our turn; how many were renewed."""
    if not _is_due(now):
        return 0
    with delivery.turn() as is_ours:
        if not is_ours or not _is_due(now):
            return 0
        of_channels = groupby(_open(), lambda told: told[0].channel)
        renewed = sum(_renew(channel, list(told), now) for channel, told in of_channels)
        heartbeats.beat(HEARTBEAT, now)
    return renewed


def _is_due(now: datetime) -> bool:
    last = Heartbeat.objects.filter(name=HEARTBEAT).first()
    return last is None or last.at <= now - RENEW_EVERY


def _open() -> list[Told]:
    """By channel."""
    rows = run(statements.OPEN_THREADS, kinds=[kind.name for kind in KINDS.values() if kind.renews])
    threads = Thread.objects.select_related("channel").in_bulk([pk for pk, _ in rows])
    found = Delivery.objects.select_related("alert__incident", "channel")
    last = found.in_bulk([pk for _, pk in rows])
    return [(threads[thread], last[pk]) for thread, pk in rows]


def _renew(channel: Channel, open_: Sequence[Told], now: datetime) -> int:
    """Until the first that is not taken: the others are left for the next time."""
    renewed = 0
    for start in range(0, len(open_), BATCH):
        batch = open_[start : start + BATCH]
        with ThreadPoolExecutor(len(batch), thread_name_prefix="renewals") as pool:
            sending = [(thread, pool.submit(_again, last, thread)) for thread, last in batch]
        failures = [error for thread, done in sending if (error := _record(thread, done, now))]
        renewed += len(batch) - len(failures)
        if failures:
            log.warning("alerts: nobody took it again", channel=channel.name, error=failures[0])
            with transaction.atomic():
                health.refused(channel, failures[0], now)
            break
    return renewed


@hangs_up
def _again(last: Delivery, thread: Thread) -> Sent:
    return delivery.hand_over(last, delivery.message_of(last), thread.state)


def _record(thread: Thread, done: Future[Sent], now: datetime) -> str:
    """Why it was not taken; empty where it was."""
    try:
        sent = done.result()
    except DeliveryError as error:
        return str(error)
    except MISTAKES as error:
        log.exception("alerts: a message could not be made", thread=thread.pk)
        return f"Amends made a mistake: {type(error).__name__}, see its log."
    with transaction.atomic():
        Thread.objects.filter(pk=thread.pk).update(state=dict(sent.state))
        health.took(thread.channel, now)
    return ""
