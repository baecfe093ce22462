"""Whoever started the stack, usually `make`: when it goes, or is told to stop, so do we."""

import os
import signal
from pathlib import Path

from console.stack import children


def follow() -> None:
    """Be told to stop when the caller dies: a stack that outlives its `make` is hard to stop."""
    children.set_parent_death_signal(signal.SIGTERM)


def was_interrupted() -> bool:
    """Whether our `make` was told to stop and has not passed it on.

    A terminal's Ctrl-C reaches both of us. But GNU make that alone gets SIGINT or SIGHUP waits for its recipe
    without a word; while it waits inside its signal handler, the kernel shows that signal as blocked.
    """
    try:
        lines = Path(f"/proc/{os.getppid()}/status").read_text().splitlines()
    except FileNotFoundError:
        return False
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    blocked = int(status["SigBlk"], 16)
    return status["Name"] == "make" and any(
        blocked & 1 << (number - 1) for number in (signal.SIGINT, signal.SIGHUP)
    )
