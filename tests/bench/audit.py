"""The audit log at a million entries: how fast it grows, and how fast its chain is followed."""

import os
import time

import django
from django.core.management import call_command
from django.db import connection, transaction

django.setup()

from sagas import audit  # noqa: E402
from sagas.models import AuditHead, Saga  # noqa: E402

ENTRIES = int(os.environ.get("ENTRIES", "1000000"))
# Entries that a bulk repair appends in one go.
BATCH = 1500
ACTIONS = [
    "repair.started",
    "repair.action_done",
    "repair.action_done",
    "repair.confirmed",
    "finding.accepted",
]


def entry(number: int, saga: Saga) -> audit.Entry:
    return audit.Entry(
        audit.Actor("person", f"person-{number % 40}", f"192.0.2.{number % 200}"),
        ACTIONS[number % len(ACTIONS)],
        ("repair", f"R-{number // 5}"),
        saga,
        f"customer {number % 9973} waits for order {number}",
        {"state": "running", "attempt": number % 7},
        {"state": "done", "step": "refund", "answer": {"status": 200, "amount": "49.90"}},
    )


def append(sagas: list[Saga]) -> float:
    """Entries a second, commits included."""
    seconds = 0.0
    for first in range(0, ENTRIES, BATCH):
        entries = [
            entry(number, sagas[number % len(sagas)]) for number in range(first, min(first + BATCH, ENTRIES))
        ]
        started = time.perf_counter()
        with transaction.atomic():
            audit.record_all(entries)
        seconds += time.perf_counter() - started
    return ENTRIES / seconds


def verify() -> float:
    started = time.perf_counter()
    found = audit.verify()
    if found != audit.Verified(ENTRIES, AuditHead.objects.get().hash):
        raise SystemExit(f"Not whole: {found}")
    return ENTRIES / (time.perf_counter() - started)


def run() -> None:
    call_command("migrate", verbosity=0)
    sagas = Saga.objects.bulk_create(Saga(saga_type="order", saga_id=f"o-{number}") for number in range(2000))
    measured = {"record_all, 1,500 at a time": append(sagas)}
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE sagas_auditentry")
    measured["verify"] = verify()
    print(f"{ENTRIES:,} entries in the audit log; entries a second:")
    for name, rate in measured.items():
        print(f"  {name:32} {rate:10,.0f}")
