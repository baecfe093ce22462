"""Keeps the demo's processes running, and ends them with itself."""

import asyncio
import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from types import FrameType

log = logging.getLogger(__name__)

Main = Callable[[], Coroutine[None, None, None]]

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
SHORT_LIFE = 5.0  # seconds; who dies younger waits longer for the next start
LONGEST_PAUSE = 10.0
STOP_SECONDS = 1.0


@dataclass
class Child:
    """A process to keep running. `pid` None: it waits for its next start at `due`."""

    name: str
    main: Main
    pid: int | None = None
    started: float = 0.0
    due: float = 0.0
    pause: float = 0.25


def die_with_parent(parent: int, sign: signal.Signals) -> None:
    """Have the kernel send `sign` when the parent process ends; ends at once where it already has."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(sign))
    if os.getppid() != parent:
        sys.exit(0)


def keep_running(mains: Mapping[str, Main]) -> None:
    """Run each as a process of its own, start it again when it ends, until SIGTERM or SIGINT."""
    children = [Child(name, main) for name, main in mains.items()]
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not stopping:
        for child in children:
            if child.pid is None and child.due <= time.monotonic():
                _start(child)
        _reap(children)
        time.sleep(0.1)
    _stop(children)


def _start(child: Child) -> None:
    # Forked, not executed anew: the imports are done and shared, so ten processes start in no time.
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(child, parent)
    child.pid, child.started = pid, time.monotonic()


def _become(child: Child, parent: int) -> None:
    """The rest of the child's life. It ends by being killed, which its durable state is made for."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent, signal.SIGKILL)
    ctypes.CDLL(None).prctl(PR_SET_NAME, f"demo-{child.name}".encode())
    code = 1
    try:
        asyncio.run(child.main())
    except OSError as error:
        log.error("%s: %s", child.name, error)
    except BaseException:
        log.exception("%s ended", child.name)
    finally:
        logging.shutdown()
        os._exit(code)


def _reap(children: list[Child]) -> None:
    for child in children:
        if child.pid is None:
            continue
        pid, status = os.waitpid(child.pid, os.WNOHANG)
        if pid == 0:
            continue
        young = time.monotonic() - child.started < SHORT_LIFE
        child.pause = min(child.pause * 2, LONGEST_PAUSE) if young else 0.25
        child.pid, child.due = None, time.monotonic() + child.pause
        log.warning(
            "%s ended (%d); it starts again in %.1f s",
            child.name,
            os.waitstatus_to_exitcode(status),
            child.pause,
        )


def _stop(children: list[Child]) -> None:
    running = [child for child in children if child.pid is not None]
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for child in running:
            if child.pid is not None:
                os.kill(child.pid, sign)
        until = time.monotonic() + STOP_SECONDS
        while running and time.monotonic() < until:
            running = [child for child in running if child.pid and not os.waitpid(child.pid, os.WNOHANG)[0]]
            time.sleep(0.02)
