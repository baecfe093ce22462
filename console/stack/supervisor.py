"""Runs the whole stack until it is asked to stop."""

import contextlib
import http.client
import json
import os
import signal
import socket
import textwrap
import time
from types import FrameType

from console.stack import (
    caller,
    children,
    claim,
    environment_file,
    parts,
    ports,
    postgres,
    preparation,
    valkey,
)
from console.stack.choices import Choices
from console.stack.errors import StackError
from console.stack.keeper import Keeper, last_words

SECONDS_TO_START = 60.0
# Reading back what a crash left behind, or migrating many rows, may take a while.
SECONDS_TO_RECOVER = 600.0
REQUESTS_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Asked(BaseException):
    """Somebody asked the stack to stop. No library that catches exceptions is to catch this one."""


def run(choices: Choices) -> None:
    """Start everything, say when it is ready, keep it running; return when asked to stop.

    Raises `StackError` where it cannot start; nothing is left running then either.
    """
    caller.follow()
    children.adopt_orphans()
    _take_requests_to_stop()
    keeper = Keeper()
    try:
        with claim.take(choices), contextlib.closing(ports.listen(choices.port)) as listener:
            try:
                _start(choices, keeper, listener)
                _watch(keeper)
            finally:
                _ignore_requests_to_stop()
                # Requests that wait for an answer will get none.
                listener.close()
                keeper.stop()
    except Asked:
        print("Amends has stopped.", flush=True)


def _start(choices: Choices, keeper: Keeper, listener: socket.socket) -> None:
    parts.turn_over(choices.logs)
    values = environment_file.settle(choices, os.environ, *_start_stores(choices, keeper))
    logins = preparation.recall(choices, values)
    if logins is None:
        logins = _prepare(choices, keeper, values)
        preparation.remember(choices, values, logins)
    if choices.demo:
        # Before the worker, which may have alerts for its inbox.
        keeper.start(parts.demo(choices, values))
    for part in (parts.web(choices, listener.fileno()), parts.worker(choices), parts.beat(choices)):
        keeper.start(part)
    started = time.monotonic()
    keeper.wait_for(lambda: _is_ready(choices.port, started), SECONDS_TO_START, "Amends", pause=0.15)
    # Last, so that it slows down no start: nobody can have asked for a call yet.
    keeper.start(parts.caller(choices))
    _announce(choices, values, logins)


def _prepare(choices: Choices, keeper: Keeper, values: dict[str, str]) -> str:
    _manage(choices, keeper, "migrate", "--no-input")
    if not choices.demo:
        return ""
    return _manage(choices, keeper, "setup_demo", "--base-port", values["DEMO_BASE_PORT"])


def _watch(keeper: Keeper) -> None:
    while not caller.was_interrupted():
        keeper.bury_adopted()
        for _ in range(10):
            keeper.tend()
            time.sleep(0.05)
    raise Asked


def _start_stores(choices: Choices, keeper: Keeper) -> tuple[str, str]:
    """Start the embedded servers that are wanted; the URLs of the database and the broker."""
    database_url, broker_url = choices.database_url, choices.broker_url
    if not broker_url:
        folder = choices.data / "valkey"
        keeper.start(parts.broker(choices))
        broker_url = valkey.url(folder)
    if not database_url:
        server = postgres.prepare(choices.data / "postgres")
        keeper.start(parts.database(choices, server))
        keeper.wait_for(lambda: postgres.answers(server), SECONDS_TO_RECOVER, "PostgreSQL")
        postgres.create_database(server)
        database_url = server.url()
    if not choices.broker_url:
        keeper.wait_for(lambda: valkey.answers(folder), SECONDS_TO_RECOVER, "Valkey")
    return database_url, broker_url


def _manage(choices: Choices, keeper: Keeper, *command: str) -> str:
    """What a management command wrote, once it is done."""
    child = parts.manage(choices, command[0], command)
    keeper.wait_for(lambda: child.poll() is not None, SECONDS_TO_RECOVER, f"`manage.py {command[0]}`")
    log = choices.logs / f"{command[0]}.log"
    if child.returncode != 0:
        raise StackError(f"`manage.py {command[0]}` failed: {last_words(log)}")
    return log.read_text()


def _is_ready(port: int, started: float) -> bool:
    """Whether a request would really be answered, and a worker of this run has done its work."""
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=3)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            return False
        # A moment after a restart the run before still counts as alive.
        age: float = json.load(answer)["checks"]["sweep"]["age"]
        return age < time.monotonic() - started
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _announce(choices: Choices, values: dict[str, str], logins: str) -> None:
    print(f"Amends is ready at {choices.url}  (logs: {choices.logs})")
    if choices.demo:
        print("The demo's users and their passwords:")
        print(textwrap.indent(logins, "  "), end="")
        print(f"The demo's inbox, where its alerts arrive: http://{ports.HOST}:{values['DEMO_HTTP_PORT']}")
    print("Ctrl-C stops it.", flush=True)


def _take_requests_to_stop() -> None:
    """Raise `Asked` at the first signal; later ones change nothing."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise Asked

    for number in REQUESTS_TO_STOP:
        signal.signal(number, ask)


def _ignore_requests_to_stop() -> None:
    for number in REQUESTS_TO_STOP:
        signal.signal(number, signal.SIG_IGN)
