"""The real demo on loopback, with a receiver of events that stands where Amends would."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx
from aiohttp import web

from demo import credentials, signatures
from demo.credentials import Credentials
from demo.steps import PARTICIPANTS, STEPS, TYPE_OF_STEP, port_of

T = TypeVar("T")

# One client for all, as making one takes longer than a request; no connection outlives a killed participant.
HTTP = httpx.Client(
    verify=False, trust_env=False, timeout=10, limits=httpx.Limits(max_keepalive_connections=0)
)
# Held until this process ends.
LOCKS: list[IO[str]] = []
ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"
WRONG_SECRET = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"

ORDER_DATA = {
    "order_id": "1",
    "customer": {"id": "c-1", "email": "ada@mail.example"},
    "total": {"amount": "129.90", "currency": "EUR"},
    "lines": [{"sku": "lamp", "quantity": 2, "price": "64.95"}],
    "channel": "web",
    "card": "visa-4242",
    "address": {"country": "NL"},
}
PAYMENT_DATA = {
    "payment_id": "1",
    "customer": {"id": "c-1", "email": "ada@mail.example"},
    "total": {"amount": "10.50", "currency": "EUR"},
    "wallet": "w-1",
    "merchant": "m-17",
}


def wait_for(look: Callable[[], T], seconds: float = 60.0) -> T:
    """The first true value that `look` gives; fails the test when there is none in time."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
    return found


def _stat(pid: int) -> tuple[str, int] | None:
    """State and parent of a process; None: there is none."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return state, int(parent)


def is_alive(pid: int) -> bool:
    found = _stat(pid)
    return found is not None and found[0] != "Z"


def children_of(pid: int) -> list[int]:
    everybody = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())
    return [each for each in everybody if (found := _stat(each)) and found[1] == pid]


def free_base_port(count: int) -> int:
    """The first of so many ports in a row that nobody listens on, and no other test run is about to use."""
    for base in range(20000, 32000, count):
        # Another account's locks are not ours to open, and its ports are found in use.
        name = f"amends-demo-tests-{os.getuid()}-{base}.lock"
        lock = Path(tempfile.gettempdir(), name).open("w")  # noqa: SIM115
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for port in range(base, base + count):
                probe = probes.enter_context(socket.socket())
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
            LOCKS.append(lock)
            return base
        lock.close()
    raise OSError(f"no {count} free ports in a row")


@dataclass
class Receiver:
    """Takes events as Amends' endpoint does; `is_up` False: answers 503, as Amends does while it is down."""

    port: int
    keys: dict[str, str]  # participant -> API key
    is_up: bool = True
    events: list[dict[str, Any]] = field(default_factory=list)
    modes: dict[str, set[str]] = field(default_factory=dict)  # participant -> content types

    async def take(self, request: web.Request) -> web.Response:
        if not self.is_up:
            return web.Response(status=503)
        text = await request.text()
        if request.content_type == "application/cloudevents-batch+json":
            events = json.loads(text)
        elif request.content_type == "application/cloudevents+json":
            events = [json.loads(text)]
        else:
            attributes = {n[3:].lower(): v for n, v in request.headers.items() if n.lower().startswith("ce-")}
            events = [{**attributes, "data": json.loads(text)}]
        for event in events:
            participant = event["source"].rpartition("/")[2]
            if request.headers["Authorization"] != f"Bearer {self.keys[participant]}":
                return web.Response(status=401)
            self.modes.setdefault(participant, set()).add(request.content_type)
        self.events += events
        return web.json_response({})

    def start(self) -> None:
        threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True).start()

    async def serve(self) -> None:
        app = web.Application()
        app.add_routes([web.post("/api/v1/events", self.take)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        await asyncio.Event().wait()


class Demo:
    """`python -m demo`, and what a test asks of it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.base_port = free_base_port(len(PARTICIPANTS) + 3)
        self.smtp_port, self.inbox_port, receiver_port = (
            self.base_port + len(PARTICIPANTS) + offset for offset in range(3)
        )
        keys = {name: f"key-{name}" for name in PARTICIPANTS}
        services = [Credentials(name, port_of(name, self.base_port), keys[name], SECRET) for name in keys]
        credentials.write(folder, services, SECRET)
        self.amends = Receiver(receiver_port, keys)
        self.amends.start()
        self.arguments = arguments
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        command = [
            *(sys.executable, "-m", "demo", "--amends-url", f"http://127.0.0.1:{self.amends.port}"),
            *("--data", str(self.folder), "--base-port", str(self.base_port)),
            *("--inbox-smtp-port", str(self.smtp_port), "--inbox-http-port", str(self.inbox_port)),
            *self.arguments,
        ]
        self.started = time.monotonic()
        with (self.folder / "demo.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stderr=log)
        wait_for(lambda: all(self.pid(name) for name in PARTICIPANTS))
        return self.process

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def url(self, participant: str) -> str:
        return f"http://127.0.0.1:{port_of(participant, self.base_port)}"

    def pid(self, participant: str) -> int | None:
        try:
            return int(HTTP.get(f"{self.url(participant)}/healthz").json()["pid"])
        except httpx.TransportError:
            return None

    def kill(self, participant: str) -> None:
        """kill -9, and wait until it was started again."""
        before = self.pid(participant)
        assert before
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: self.pid(participant) not in {None, before})

    def post(
        self, participant: str, path: str, body: dict[str, Any], key: str, secret: str = SECRET
    ) -> httpx.Response:
        text = json.dumps(body)
        headers = signatures.sign(secret, key, text)
        return HTTP.post(self.url(participant) + path, content=text, headers=headers)

    def ask(self, saga: str, step: str) -> dict[str, Any]:
        """What the participant says about a step."""
        headers = signatures.sign(SECRET, f"ask {saga}", "")
        url = f"{self.url(STEPS[step].participant)}/steps/{step}"
        answer = HTTP.get(url, params={"saga": saga}, headers=headers)
        assert answer.status_code == 200
        return dict(answer.json())

    def do(self, saga: str, step: str, **data: Any) -> httpx.Response:
        """Ask for a step as its orchestrator does."""
        payload = ORDER_DATA if TYPE_OF_STEP[step].name == "order-fulfilment" else PAYMENT_DATA
        body = {"saga": saga, "data": payload | data}
        return self.post(STEPS[step].participant, f"/steps/{step}", body, f"{saga}:{step}:do")

    def done(self, saga: str, step: str, **data: Any) -> None:
        """Ask for a step, and wait until it is done."""
        assert self.do(saga, step, **data).status_code == 202
        wait_for(lambda: self.ask(saga, step)["outcome"] == "completed")

    def undo(self, saga: str, step: str, key: str, **body: Any) -> httpx.Response:
        said = {"saga": saga, "reason": "test", **body}
        return self.post(STEPS[step].participant, f"/compensations/{step}", said, key)

    def retry(self, saga: str, step: str, key: str) -> httpx.Response:
        return self.post(STEPS[step].participant, f"/steps/{step}/retry", {"saga": saga}, key)

    def fault(self, step: str, fault: str, **rest: Any) -> httpx.Response:
        body = {"step": step, "fault": fault, **rest}
        return HTTP.post(f"{self.url(STEPS[step].participant)}/faults", json=body)

    def counts(self, saga: str, step: str) -> tuple[int, int]:
        """How often the effect was done and undone, by the participant's own books."""
        rows = HTTP.get(f"{self.url(STEPS[step].participant)}/counts", params={"saga": saga}).json()
        return next(((row["done"], row["undone"]) for row in rows if row["step"] == step), (0, 0))

    def begin(self, saga: str, **data: Any) -> None:
        """Start a saga at its orchestrator; ids of payments begin with pay-."""
        name, payload = ("wallet", PAYMENT_DATA) if saga.startswith("pay-") else ("order", ORDER_DATA)
        answer = self.post(name, "/sagas", {"saga": saga, "data": payload | data}, saga)
        assert answer.status_code == 202

    def run_of(self, saga: str) -> dict[str, Any]:
        name = "wallet" if saga.startswith("pay-") else "order"
        return dict(HTTP.get(f"{self.url(name)}/sagas/{saga}").json())

    def events(self, saga: str, step: str | None = None) -> list[str]:
        """The kinds that were received, each event once, in the order of their times."""
        found = {
            event["id"]: event
            for event in self.amends.events
            if event["correlationid"] == saga and step in {None, event.get("sagastep")}
        }
        return [event["type"] for event in sorted(found.values(), key=lambda event: event["time"])]

    def heard(self, saga: str, step: str | None, *kinds: str) -> list[str]:
        """Wait until these kinds have been received; returns all that were."""
        wait_for(lambda: set(kinds) <= set(self.events(saga, step)))
        return self.events(saga, step)

    @contextlib.contextmanager
    def books(self, participant: str) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.folder / f"{participant}.sqlite3")) as db:
            yield db
