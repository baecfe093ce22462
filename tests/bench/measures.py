"""The measures, in rounds, and the table."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import django
import psycopg
from django.core.management import call_command
from django.db import connection

django.setup()

from django.conf import settings  # noqa: E402
from django.utils import timezone  # noqa: E402

from sagas import audit, definitions, events, ingest, participants  # noqa: E402
from sagas.ingest import Outcome, folding  # noqa: E402
from tests.bench import http, store, workload  # noqa: E402
from tests.bench.database import CopyTarget  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "5"))
BATCH = "application/cloudevents-batch+json"
ONE = "application/cloudevents+json"

# Batches, or requests, of one measure in one round.
BATCHES = 20
REQUESTS = {1: 300, 100: 60, 1000: 10}
NAIVE_REQUESTS = {1: 150, 100: 4}


class Unjudged:
    """In place of `sagas.detection.deadlines`: nothing is ever due."""

    @staticmethod
    def next_due(*_: object) -> None:
        return None


class Bench:
    def __init__(self, port: int) -> None:
        self.port = port
        self.participant = participants.create("bench", audit.Actor.system())
        self.key = participants.issue_key(self.participant, [], audit.Actor.system())
        definitions.load(workload.DEFINITION, "bench.yaml", audit.Actor.system())
        # A connection of its own: its temporary table must outlive those of the other measures.
        self.target = CopyTarget(psycopg.connect(os.environ["DATABASE_URL"], autocommit=True))
        self.round = 0

    def copy(self) -> float:
        stream = workload.batches(f"copy-{self.round}", 1000)
        texts = [self.target.text(next(stream)) for _ in range(BATCHES)]
        return BATCHES * 1000 / sum(self.target.store(text) for text in texts)

    def store(self) -> float:
        """From `Incoming` values to their commit."""
        return self._store(is_reading_measured=False)

    def store_unjudged(self) -> float:
        """The same without asking when somebody has to look again: what detection adds is the difference."""
        judged, folding.deadlines = folding.deadlines, Unjudged
        try:
            return self._store(is_reading_measured=False, name="unjudged")
        finally:
            folding.deadlines = judged

    def read_and_store(self) -> float:
        """From the bytes of the request to their commit."""
        return self._store(is_reading_measured=True)

    def _store(self, *, is_reading_measured: bool, name: str = "store") -> float:
        stream = workload.batches(f"{name}-{is_reading_measured}-{self.round}", 1000)
        bodies = [workload.encode(next(stream)) for _ in range(BATCHES)]
        seconds = 0.0
        for body in bodies:
            before = time.perf_counter()
            found = events.read_batch(
                body, now=timezone.now(), largest=settings.INGEST_MAX_EVENT_BYTES, most=1000
            )
            read = time.perf_counter()
            results = ingest.store(found, participant=self.participant)
            seconds += time.perf_counter() - (before if is_reading_measured else read)
            if any(result.outcome is not Outcome.STORED for result in results):
                raise SystemExit(f"Not stored: {next(r for r in results if r.outcome != Outcome.STORED)}")
        return BATCHES * 1000 / seconds

    def http(self, size: int) -> float:
        stream = workload.batches(f"http-{size}-{self.round}", size)
        batches = [next(stream) for _ in range(REQUESTS[size])]
        if size == 1:
            bodies = [workload.encode(batch)[1:-1] for batch in batches]
            return http.send(self.port, "/api/v1/events", ONE, self.key, bodies, 1)
        bodies = [workload.encode(batch) for batch in batches]
        return http.send(self.port, "/api/v1/events", BATCH, self.key, bodies, size)

    def naive(self, size: int) -> float:
        stream = workload.batches(f"naive-{size}-{self.round}", size)
        batches = [next(stream) for _ in range(NAIVE_REQUESTS[size])]
        bodies = [workload.encode(batch)[1:-1] if size == 1 else workload.encode(batch) for batch in batches]
        return http.send(self.port, "/naive/events", "application/json", self.key, bodies, size)


def run(folder: Path) -> None:
    call_command("migrate", run_syncdb=True, verbosity=0)
    with http.server(folder / "web.log") as port:
        bench = Bench(port)
        measures: dict[str, Callable[[], float]] = {
            "COPY with dedup, 1,000": bench.copy,
            "ingest.store with fold, 1,000": bench.store,
            "ingest.store without detection, 1,000": bench.store_unjudged,
            "events.read_batch and ingest.store, 1,000": bench.read_and_store,
            "HTTP, 1,000 a request": lambda: bench.http(1000),
            "HTTP, 100 a request": lambda: bench.http(100),
            "HTTP, one a request": lambda: bench.http(1),
            "naive ModelSerializer, one a request": lambda: bench.naive(1),
            "naive ModelSerializer, 100 a request": lambda: bench.naive(100),
        }
        store.seed(bench.participant)
        sweeps: dict[str, Callable[[], float]] = {
            "sweep, one in fifty with a new finding": lambda: store.judge(bench.round, store.DUE // 50),
            "sweep, each fourth with a new finding": lambda: store.judge(bench.round + 100, store.DUE // 4),
            # As a worker with two processes does when much is due.
            "two sweeps at once, one in fifty": lambda: store.judge(bench.round + 200, store.DUE // 50, 2),
            "two sweeps at once, each fourth": lambda: store.judge(bench.round + 300, store.DUE // 4, 2),
        }
        measures |= sweeps
        found: dict[str, list[float]] = {name: [] for name in measures}
        # The first round warms caches up and does not count.
        for bench.round in range(ROUNDS + 1):
            for name, measure in measures.items():
                connection.cursor().execute("CHECKPOINT")
                speed = measure()
                if bench.round:
                    found[name].append(speed)
            print(f"round {bench.round} of {ROUNDS}", flush=True)
    bench.target.connection.close()
    connection.close()
    medians = {name: median(speeds) for name, speeds in found.items()}
    show({name: speed for name, speed in medians.items() if name not in sweeps}, found)
    print(f"\n{'':42} {'sagas/s':>10} {'lowest':>10} {'highest':>10}   in a store of {store.SAGAS:,}")
    for name in sweeps:
        print(f"{name:42} {medians[name]:10,.0f} {min(found[name]):10,.0f} {max(found[name]):10,.0f}")


def show(medians: dict[str, float], found: dict[str, list[float]]) -> None:
    copy = medians["COPY with dedup, 1,000"]
    naive = medians["naive ModelSerializer, one a request"]
    print(f"\n{'':42} {'events/s':>10} {'lowest':>10} {'highest':>10} {'of COPY':>8} {'of naive':>9}")
    for name, speed in medians.items():
        lowest, highest = min(found[name]), max(found[name])
        print(f"{name:42} {speed:10,.0f} {lowest:10,.0f} {highest:10,.0f}", end=" ")
        print(f"{speed / copy:8.2f} {speed / naive:9.1f}")
    goals = [
        ("ingest with fold ≥ 0.5 of COPY", medians["ingest.store with fold, 1,000"] / copy, 0.5),
        ("HTTP, 100 a request ≥ 50 × naive", medians["HTTP, 100 a request"] / naive, 50),
        (
            "ingest with detection ≥ 0.87 of that without",
            medians["ingest.store with fold, 1,000"] / medians["ingest.store without detection, 1,000"],
            0.87,
        ),
    ]
    for name, ratio, goal in goals:
        print(f"{'reached' if ratio >= goal else 'MISSED':8} {name}: {ratio:.2f}")
