"""The audit log at a million entries: how fast it grows, is followed, and is searched."""

import os
import re
import time
from datetime import timedelta

import django
from django.core.management import call_command
from django.db import connection, transaction

django.setup()

from console import audit_search  # noqa: E402
from console.audit_search import Search  # noqa: E402
from sagas import audit  # noqa: E402
from sagas.models import AuditEntry, AuditHead, Saga  # noqa: E402

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


def find() -> None:
    """The first page of each of the usual searches: milliseconds, and the indexes it takes."""
    at = AuditEntry.objects.values_list("at", flat=True).get(sequence=ENTRIES // 3)
    searches = [
        Search(actor="person-7"),
        Search(actor="nobody", is_beginning=True),
        Search(action="finding.", is_beginning=True),
        Search(object_kind="repair", object_id=f"R-{ENTRIES // 10}", is_beginning=True),
        Search(saga_type="order", saga_id="o-17"),
        Search(reason=f"order {ENTRIES // 2}"),
        Search(reason="customer waits"),
        Search(since=at, until=at + timedelta(seconds=1)),
        Search(until=at),
        Search(actor="person-7", reason=f"order {ENTRIES // 2 + 7}"),
    ]
    for search in searches:
        page = audit_search.find(search).order_by("-sequence")[:51]
        started = time.perf_counter()
        rows = len(page)
        taken = 1000 * (time.perf_counter() - started)
        indexes = sorted(set(re.findall(r"using (\w+)|Index Scan on (\w+)", page.explain())))
        told = " ".join(name or other for name, other in indexes)
        print(f"  {search!s:64} {rows:3} rows {taken:8.1f} ms  {told}")


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
    print("Searches, first page:")
    find()
