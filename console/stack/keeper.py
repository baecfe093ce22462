"""Keeps the parts of the stack running: starts each again when it ends, and stops all of them together."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM, Signals

from console.stack import children
from console.stack.errors import StackError

LONGEST_PAUSE = 5.0  # seconds between two starts of a part that keeps ending
STEADY = 20.0  # seconds after which a part is trusted again
# Seconds; together below the five in which everything is to be gone.
PATIENCE_WITH_PARTS = 3.3
PATIENCE_WITH_STORES = 0.9


@dataclass(frozen=True)
class Part:
    """One process of the stack. Stores are started first and stopped last."""

    name: str
    log: Path
    start: Callable[[], subprocess.Popen[bytes]]
    stop_signal: int = SIGTERM
    is_store: bool = False


@dataclass
class _Kept:
    part: Part
    child: subprocess.Popen[bytes]
    started: float
    ends: int = 0
    again_at: float | None = None  # set while it is down


@dataclass
class Keeper:
    kept: list[_Kept] = field(default_factory=list)

    def start(self, part: Part) -> None:
        self.kept.append(_Kept(part, part.start(), time.monotonic()))

    def tend(self) -> None:
        """Start again what has ended, with growing pauses."""
        now = time.monotonic()
        for kept in self.kept:
            if kept.again_at is not None:
                if now >= kept.again_at:
                    kept.child, kept.started, kept.again_at = kept.part.start(), now, None
            elif kept.child.poll() is not None:
                kept.ends = 1 if now - kept.started > STEADY else kept.ends + 1
                kept.again_at = now + min(0.1 * 2**kept.ends, LONGEST_PAUSE)
                children.kill_group(kept.child)
                how = _how(kept.child.returncode)
                _say(f"{kept.part.name} ended ({how}) and is started again (log: {kept.part.log})")

    def bury_adopted(self) -> None:
        """Take notice of the end of what our parts left behind. Not while a child is waited for."""
        for pid in children.ours() - {kept.child.pid for kept in self.kept}:
            children.bury(pid)

    def wait_for(self, ready: Callable[[], bool], seconds: float, what: str, pause: float = 0.03) -> None:
        """Tend the parts until `ready` says so.

        Raises `StackError` after so many seconds, or when a part ends a third time meanwhile.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            self.tend()
            broken = next((kept.part for kept in self.kept if kept.ends >= 3), None)
            if broken:
                raise StackError(f"{broken.name} does not start: {last_words(broken.log)}")
            if time.monotonic() > deadline:
                raise StackError(
                    f"{what} was not ready after {seconds:.0f} seconds: see the logs in {self._logs()}"
                )
            time.sleep(pause)

    def stop(self) -> None:
        """End every part and whatever it started; nothing is left when this returns."""
        for stores, patience in ((False, PATIENCE_WITH_PARTS), (True, PATIENCE_WITH_STORES)):
            chosen = [kept for kept in self.kept if kept.part.is_store is stores]
            for kept in chosen:
                children.ask_to_end(kept.child, kept.part.stop_signal)
            deadline = time.monotonic() + patience
            for kept in chosen:
                children.await_end(kept.child, max(0.0, deadline - time.monotonic()))
        children.kill_remaining()

    def _logs(self) -> Path:
        return self.kept[0].part.log.parent


def last_words(log: Path) -> str:
    """The last line a process wrote, and where the others are."""
    lines = log.read_text(errors="replace").strip().splitlines()
    if any("No space left on device" in line for line in lines[-20:]):
        return f"the disk is full ({log})"
    return f"{lines[-1].strip()} ({log})" if lines else f"it wrote nothing to {log}"


def _how(code: int) -> str:
    return f"killed by {Signals(-code).name}" if code < 0 else f"exit code {code}"


def _say(text: str) -> None:
    print(f"Amends: {text}", file=sys.stderr, flush=True)
