"""How fast a batch repairs sagas, audited and chained, beside a bare client that sends the same requests."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import aiohttp
import django
from django.core.management import call_command
from django.db import connection
from standardwebhooks import Webhook

django.setup()

from django.utils import timezone  # noqa: E402

from compensation.batches import deciding, planning, runner  # noqa: E402
from compensation.batches.deciding import Care, Chosen  # noqa: E402
from compensation.models import Batch, Pace, RepairAction  # noqa: E402
from sagas import audit, definitions, ingest, participants  # noqa: E402
from sagas.events import read_batch  # noqa: E402
from sagas.models import Participant, Saga  # noqa: E402
from tests.bench import workload  # noqa: E402
from tests.bench.http import ROOT  # noqa: E402

# Sagas of one batch, each with one call.
REPAIRS = int(os.environ.get("REPAIRS", "10000"))
ROUNDS = int(os.environ.get("REPAIR_ROUNDS", "3"))
AT_ONCE = 32
BY = audit.Actor("person", "bench")

DEFINITION = """
type: bench-order
version: "1"
approval: []
steps:
  - name: charge
    kind: compensatable
    participant: bench-payment
    deadline: 15s
    compensation:
      title: refund card
      request: POST /compensations/charge
      body: {saga: "{saga}", amount: "{data.amount}", reason: "{reason}"}
      deadline: 10s
  - {name: ship, kind: pivot, participant: bench-payment, deadline: 10s}
"""


@contextmanager
def serving() -> Iterator[str]:
    """The participant's address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.participant"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


class Repairs:
    def __init__(self, url: str) -> None:
        definitions.load(DEFINITION, "bench-order.yaml", BY)
        self.payment = participants.create("bench-payment", BY, base_url=url)
        participants.issue_signing_secret(self.payment, BY)
        Pace.objects.create(participant=self.payment, at_once=AT_ONCE)
        self.sagas = 0

    def planned(self) -> tuple[Batch, float]:
        """A batch of sagas that were not repaired yet, and the seconds that it took to plan them."""
        chosen = Chosen("all", _seed(self.payment, self.sagas), {})
        self.sagas += REPAIRS
        batch = deciding.create(chosen, "compensate", "", "OPS-7", BY, None, care=Care(canary=0))
        before = time.perf_counter()
        planning.plan(batch.pk)
        seconds = time.perf_counter() - before
        batch.refresh_from_db()
        return batch, seconds

    def by_batch(self, batch: Batch) -> float:
        """Calls a second from its start to its end, every one recorded and audited."""
        deciding.start(batch, batch.plan_hash, BY, typed=REPAIRS)
        before = time.perf_counter()
        while Batch.objects.filter(pk=batch.pk, state=Batch.State.RUNNING).exists():
            runner.run(batch.pk)
        seconds = time.perf_counter() - before
        done = RepairAction.objects.filter(repair__batch=batch, state="done").count()
        if done != REPAIRS:
            raise SystemExit(f"Only {done:,} of {REPAIRS:,} were done.")
        return REPAIRS / seconds

    def by_bare_client(self, batch: Batch) -> float:
        """Calls a second of the same requests, signed, by nothing but aiohttp."""
        actions = RepairAction.objects.filter(repair__batch=batch)
        requests = list(actions.values_list("request", "idempotency_key"))
        secret = participants.signing_secret(self.payment)
        before = time.perf_counter()
        asyncio.run(_send_all(requests, Webhook(secret or "")))
        return REPAIRS / (time.perf_counter() - before)


async def _send_all(requests: list[tuple[dict[str, str], str]], webhook: Webhook) -> None:
    waiting = iter(requests)

    async def work(session: aiohttp.ClientSession) -> None:
        for request, key in waiting:
            now = datetime.now(UTC)
            headers = {
                "webhook-id": key,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": webhook.sign(key, now, request["body"]),
                "idempotency-key": key,
                "accept": "application/json",
                "content-type": "application/json",
            }
            body = request["body"].encode()
            async with session.request(
                request["method"], request["url"], headers=headers, data=body
            ) as answer:
                await answer.read()
                if answer.status != 200:
                    raise SystemExit(f"The participant refused: {answer.status}")

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        await asyncio.gather(*(work(session) for _ in range(AT_ONCE)))


def _seed(payment: Participant, first: int) -> list[int]:
    """Sagas that were charged and could not be shipped, an hour ago."""
    names = [f"bench-{number:08d}" for number in range(first, first + REPAIRS)]
    for start in range(0, REPAIRS, 200):
        body = workload.encode([event for name in names[start : start + 200] for event in _events(name)])
        ingest.store(read_batch(body, now=timezone.now(), largest=10**6, most=1000), participant=payment)
    return list(Saga.objects.filter(saga_id__in=names).order_by("pk").values_list("pk", flat=True))


def _events(name: str) -> Iterator[dict[str, Any]]:
    told = [
        ("saga.started", ""),
        ("step.started", "charge"),
        ("step.completed", "charge"),
        ("step.started", "ship"),
        ("step.failed", "ship"),
    ]
    begin = datetime.now(UTC) - timedelta(hours=1)
    for number, (kind, step) in enumerate(told):
        yield {
            "specversion": "1.0",
            "id": f"{name}-{number}",
            "source": "//bench-payment",
            "type": kind,
            "time": (begin + timedelta(milliseconds=number)).isoformat(),
            "correlationid": name,
            "sagatype": "bench-order",
            "sagaversion": "1",
            "datacontenttype": "application/json",
            "data": {"amount": 12.5},
        } | ({"sagastep": step, "sagaexecution": f"{name}.{step}"} if step else {})


def run() -> None:
    call_command("migrate", run_syncdb=True, verbosity=0)
    planned, batches, bare = [], [], []
    with serving() as url:
        repairs = Repairs(url)
        for number in range(1, ROUNDS + 1):
            batch, seconds = repairs.planned()
            planned.append(seconds)
            connection.cursor().execute("CHECKPOINT")
            batches.append(repairs.by_batch(batch))
            bare.append(repairs.by_bare_client(batch))
            print(f"round {number} of {ROUNDS} of repairs", flush=True)
    connection.close()
    print(f"\n{'':42} {'calls/s':>10} {'lowest':>10} {'highest':>10}   {REPAIRS:,}, {AT_ONCE} at once")
    for name, speeds in {"bare aiohttp client": bare, "batch, audited": batches}.items():
        print(f"{name:42} {median(speeds):10,.0f} {min(speeds):10,.0f} {max(speeds):10,.0f}")
    ratio = median(one / other for one, other in zip(batches, bare, strict=True))
    print(f"{'reached' if ratio >= 0.6 else 'MISSED':8} batch ≥ 0.6 of the bare client: {ratio:.2f}")
    seconds = median(planned) * 10_000 / REPAIRS
    print(f"{'reached' if seconds < 5 else 'MISSED':8} planning of 10,000 sagas < 5 s: {seconds:.1f} s")
