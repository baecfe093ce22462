"""A worker that is killed at a line of its code, as often as it is told. Run as a process of its own.

Reads "<action> <n>" and forks: the child executes the action and kills itself, with SIGKILL, when it comes
to the n-th line of what stands between claim and record. Answers with the line it died at, or "finished".
"""

import contextlib
import gc
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import django
from django.db import connection

from tests.compensation.participants import SECRET

WATCHED = {
    "compensation/executor.py",
    "compensation/outcomes.py",
    "compensation/ledger.py",
    "compensation/telling.py",
    "compensation/answers.py",
    "compensation/transports/http.py",
}
ROOT = Path(__file__).parent.parent.parent
FILES = {str(ROOT / name): name for name in WATCHED}


class Death:
    """Counts the lines that are new and, at the chosen one, writes down where it is and kills the process."""

    def __init__(self, at: int, last_words: int) -> None:
        self.at = at
        self.last_words = last_words
        self.seen: set[tuple[str, int]] = set()

    def watch(self, frame: FrameType, event: str, argument: Any) -> Any:
        file = FILES.get(frame.f_code.co_filename)
        if file is None:
            return None
        if event == "line":
            self.seen.add((file, frame.f_lineno))
            if len(self.seen) == self.at:
                os.write(self.last_words, f"{file}:{frame.f_lineno}".encode())
                os.kill(os.getpid(), signal.SIGKILL)
        return self.watch


def warm_up() -> None:
    """Have everything loaded before the fork, so that a child has little to do but its work."""
    from compensation import executor
    from compensation.models import RepairAction
    from compensation.transports import Call, TransportError, http

    with contextlib.suppress(RepairAction.DoesNotExist):
        executor.execute(0)
    with contextlib.suppress(TransportError):
        http.send(Call("POST", "http://127.0.0.1:1/", "", "warm/up", "http://127.0.0.1:1", SECRET))
    # No child may speak over a connection of its parent.
    connection.close()
    connection.close_pool()


def live(action_pk: int, at: int, last_words: int) -> None:
    from compensation import executor

    sys.settrace(Death(at, last_words).watch)
    executor.execute(action_pk)
    sys.settrace(None)
    os.write(last_words, b"finished")


def main() -> None:
    django.setup()
    warm_up()
    # A child that collected garbage would copy all of our memory, which costs more than its work.
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        action_pk, at = (int(word) for word in line.split())
        hear, say = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                live(action_pk, at, say)
            finally:
                os._exit(0)
        os.close(say)
        os.waitpid(child, 0)
        print(os.read(hear, 1000).decode() or "died before its work", flush=True)
        os.close(hear)


if __name__ == "__main__":
    main()
