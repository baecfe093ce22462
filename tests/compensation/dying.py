"""A worker that is killed at a line of its code, as often as it is told. Run as a process of its own.

Reads "execute <action> <n>" or "run <batch> <n> <file>" and forks: the child does so and kills itself, with
SIGKILL, when it comes to the n-th place (tests.deaths) of what stands between claim and record, or of that
file. Answers with the line it died at, or "finished".
"""

import contextlib
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import django
from django.db import connection

from tests.compensation.participants import SECRET
from tests.deaths import Death

ONE_ACTION = {
    "compensation/executor.py",
    "compensation/calling.py",
    "compensation/outcomes.py",
    "compensation/ledger.py",
    "compensation/telling.py",
    "compensation/answers.py",
    "compensation/confirming.py",
    "compensation/transports/http.py",
}
# Of a batch's runner: all that speaks to the database or to a participant.
BATCH = {
    "compensation/batches/runner.py",
    "compensation/batches/waves.py",
    "compensation/batches/lanes.py",
    "compensation/batches/progress.py",
    "compensation/opening.py",
    "compensation/executor.py",
    "compensation/calling.py",
    "compensation/transports/http.py",
    "compensation/outcomes.py",
    "compensation/ledger.py",
    "compensation/telling.py",
}
ROOT = Path(__file__).parent.parent.parent


def environment() -> dict[str, str]:
    """For another process that shall see the database of this test."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    return os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "console.settings"}


class Worker:
    """Lives in another process, and dies there."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.compensation.dying"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._hear() == "ready"

    def _hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def execute(self, action_pk: int, *, die_at: int) -> str:
        """Where it died, or "finished"."""
        return self._tell(f"execute {action_pk} {die_at}")

    def run(self, batch_pk: int, *, die_in: str, die_at: int) -> str:
        """The same of a batch's runner, at the n-th place of one file."""
        return self._tell(f"run {batch_pk} {die_at} {die_in}")

    def _tell(self, words: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        return self._hear()

    def end(self) -> None:
        self.process.communicate(timeout=60)


def warm_up() -> None:
    """Have everything loaded before the fork, so that a child has little to do but its work."""
    from compensation import executor
    from compensation.batches import runner
    from compensation.models import RepairAction
    from compensation.transports import Call, TransportError, http

    with contextlib.suppress(RepairAction.DoesNotExist):
        executor.execute(0)
    runner.run(0)
    with contextlib.suppress(TransportError):
        http.send(Call("POST", "http://127.0.0.1:1/", "", "warm/up", "http://127.0.0.1:1", SECRET))
    # No child may speak over a connection of its parent.
    connection.close()
    connection.close_pool()


def live(task: str, pk: int, at: int, names: Iterable[str], last_words: int) -> None:
    from compensation import executor
    from compensation.batches import runner

    work = {"execute": executor.execute, "run": runner.run}[task]
    watch = Death({str(ROOT / name): name for name in names}, at, last_words).watch
    threading.settrace(watch)
    sys.settrace(watch)
    work(pk)
    sys.settrace(None)
    os.write(last_words, b"finished")


def main() -> None:
    django.setup()
    warm_up()
    # A child that collected garbage would copy all of our memory, which costs more than its work.
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        task, pk, at, *names = line.split()
        hear, say = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                live(task, int(pk), int(at), names or ONE_ACTION, say)
            finally:
                os._exit(0)
        os.close(say)
        os.waitpid(child, 0)
        print(os.read(hear, 1000).decode() or "died before its work", flush=True)
        os.close(hear)


if __name__ == "__main__":
    main()
