"""A worker that is killed at a line of its code, as often as it is told. Run as a process of its own.

Reads "<job> <n>" and forks: the child does the job and kills itself, with SIGKILL, when it comes to the
n-th place (tests.deaths) of the job's files. Answers with the line it died at, or "finished".
"""

import gc
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import django

from tests.deaths import Death

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)

ROOT = Path(__file__).parent.parent.parent
FILES = {
    "sweep": ["detection/sweep.py", "detection/problems.py", "alerts/intents.py", "alerts/writing.py"],
    "deliver": ["alerts/delivery.py", "alerts/health.py", "alerts/channels/webhook/sending.py"],
    "learn": [f"learning/{name}.py" for name in ("learner", "normal")],
    "try": [f"trials/{name}.py" for name in ("working", "looking", "comparing", "results")],
    "ingest": [
        f"ingest/{name}.py" for name in ("storing", "admitting", "holding", "folding", "sending", "keeping")
    ],
    "replay": ["replays.py", "quarantine.py"],
    "adopt": [f"ingest/{name}.py" for name in ("adopting", "refolding", "folding", "holding")],
    "export": [f"exports/{name}.py" for name in ("writing", "files")],
}


class Worker:
    """Lives in another process, and dies there. A context; needs the database's name."""

    def __init__(self, database: str) -> None:
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl()
        self.environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "console.settings"}

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.sagas.dying"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._hear() == "ready"
        return self

    def __exit__(self, *args: object) -> None:
        self.process.communicate(timeout=60)

    def work(self, job: str, *, die_at: int) -> str:
        """Where it died, or "finished"."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{job} {die_at}\n")
        self.process.stdin.flush()
        return self._hear()

    def _hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


def watched(job: str) -> dict[str, str]:
    """The job's files: path to name."""
    room = "console" if job == "export" else "sagas"
    return {str(ROOT / room / name): name for name in FILES[job]}


def ingest_batch() -> None:
    """Store the events of the file that BATCH names, as the endpoint would."""
    from sagas import events, ingest
    from sagas.models import Participant

    found = events.read_batch(Path(os.environ["BATCH"]).read_bytes(), now=NOW, largest=10_000, most=100)
    ingest.store(found, participant=Participant.objects.get(), now=NOW)


def main() -> None:
    django.setup()
    # Loaded before the fork, so that a child has little to do but its work.
    from django.conf import settings

    from console import exports
    from console.exports import writing
    from sagas import replays, trials
    from sagas.alerts import delivery
    from sagas.detection import sweep
    from sagas.ingest import adopting
    from sagas.learning import learner

    settings.ALERT_WEBHOOK_URLS = os.environ.get("HOOK_URL", "").split(",")
    settings.ALERT_WEBHOOK_SECRET = os.environ.get("HOOK_SECRET", "")
    # Several chunks of few entries.
    writing.CHUNK = 20
    jobs = {
        "sweep": sweep.sweep,
        "deliver": delivery.deliver,
        "try": trials.work,
        "ingest": ingest_batch,
        "replay": replays.go_on,
        "adopt": adopting.go_on,
        "export": exports.work,
        "learn": lambda: learner.learn(NOW),
    }
    # A child that collected garbage would copy all of our memory, which costs more than its work.
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        job, at = line.split()
        hear, say = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                death = Death(watched(job), int(at), say)
                threading.settrace(death.watch)
                sys.settrace(death.watch)
                jobs[job]()
                sys.settrace(None)
                os.write(say, b"finished")
            finally:
                os._exit(0)
        os.close(say)
        os.waitpid(child, 0)
        print(os.read(hear, 1000).decode() or "failed", flush=True)
        os.close(hear)


if __name__ == "__main__":
    main()
