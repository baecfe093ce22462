"""The processes of the stack: how each is started, and how it is asked to stop."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGKILL

from console.environment import ROOT
from console.stack import children, postgres, valkey
from console.stack.choices import Choices
from console.stack.keeper import Part
from console.stack.postgres import Server

# Celery would run Django's checks, load every page for that, and not heed what they find.
CELERY = {"CELERY_SKIP_CHECKS": "1"}


def database(choices: Choices, server: Server) -> Part:
    log = choices.logs / "postgres.log"
    return Part(
        "PostgreSQL",
        log,
        lambda: postgres.start(server, log),
        stop_signal=postgres.STOP_SIGNAL,
        is_store=True,
    )


def broker(choices: Choices) -> Part:
    log = choices.logs / "valkey.log"
    return Part("Valkey", log, lambda: valkey.start(choices.data / "valkey", log), is_store=True)


def web(choices: Choices, listener: int) -> Part:
    """`listener` is the descriptor of a listening socket, which outlives any one web process."""
    command = ["uvicorn", "console.asgi:application", "--fd", str(listener), "--no-access-log"]
    # No proxy stands before it: whoever sends forwarded addresses made them up.
    command += ["--no-proxy-headers"]
    command += ["--timeout-graceful-shutdown", "3", "--lifespan", "off", "--no-proxy-headers"]
    return _python(choices, "web", command, keep=[listener])


def worker(choices: Choices) -> Part:
    """Finds what is due, tells people, and resumes repairs."""
    return _worker(choices, "worker", "celery", processes=2)


def caller(choices: Choices) -> Part:
    """Calls participants, each of which may be slow."""
    return _worker(choices, "caller", "calls", processes=4)


def _worker(choices: Choices, name: str, queue: str, processes: int) -> Part:
    command = ["celery", "-A", "console", "worker", "--queues", queue, "--concurrency", str(processes)]
    command += ["--loglevel", "WARNING"]
    # One worker has nobody to gossip with.
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    # A stop then gives the tasks at hand worker_soft_shutdown_timeout seconds, and hands back the rest.
    return _python(choices, name, command, CELERY | {"REMAP_SIGTERM": "SIGQUIT"})


def beat(choices: Choices) -> Part:
    return _python(choices, "beat", ["celery", "-A", "console", "beat", "--loglevel", "WARNING"], CELERY)


def demo(choices: Choices, values: Mapping[str, str]) -> Part:
    command = ["demo", "--amends-url", choices.url, "--data", str(choices.data / "demo")]
    command += ["--base-port", values["DEMO_BASE_PORT"]]
    command += ["--inbox-smtp-port", values["DEMO_SMTP_PORT"], "--inbox-http-port", values["DEMO_HTTP_PORT"]]
    command += ["--rate", str(choices.demo_rate)]
    return _python(choices, "demo", command)


def manage(choices: Choices, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Run a management command; what it says goes to a log of this name, emptied before."""
    log = choices.logs / f"{name}.log"
    log.write_bytes(b"")
    return children.start(
        [sys.executable, ROOT / "manage.py", *command],
        log=log,
        environment=_environment(choices),
        folder=ROOT,
    )


def _python(
    choices: Choices,
    name: str,
    command: list[str],
    environment: Mapping[str, str] | None = None,
    keep: Sequence[int] = (),
) -> Part:
    log = choices.logs / f"{name}.log"

    def start() -> subprocess.Popen[bytes]:
        return children.start(
            [sys.executable, "-m", *command],
            log=log,
            environment=_environment(choices) | dict(environment or {}),
            folder=ROOT,
            keep=keep,
            orphan_signal=SIGKILL,
        )

    return Part(name, log, start)


def _environment(choices: Choices) -> dict[str, str]:
    # The rest is read from DATA/stack.env, by these processes as by anybody's manage.py.
    fixed = {"DATA": str(choices.data), "DJANGO_SETTINGS_MODULE": "console.settings", "PYTHONUNBUFFERED": "1"}
    return os.environ | fixed


def turn_over(logs: Path, most: int = 10 * 1024 * 1024) -> None:
    """Put aside each log that has grown past so many bytes, in place of the one put aside before."""
    for log in logs.glob("*.log"):
        if log.stat().st_size > most:
            log.replace(log.with_suffix(".log.1"))
