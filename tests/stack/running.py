"""A real stack, as `make run` starts it, in a folder of its own; and its processes as Linux lists them."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from console.environment import ROOT, read_stack_env
from console.stack import ports

PATIENCE = 60.0
# To the demo's services: some die on purpose, and are back in a moment. No connection is kept over that.
doors = httpx.Client(
    transport=httpx.HTTPTransport(retries=5, limits=httpx.Limits(max_keepalive_connections=0)), timeout=10
)
# What names each process of the stack among the arguments it was started with.
PARTS = {
    "web": "uvicorn",
    "worker": "celery -A console worker --queues celery",
    "caller": "celery -A console worker --queues calls",
    "beat": "celery -A console beat",
    "PostgreSQL": "postgres -D",
    "Valkey": "valkey-server",
}


def environment(**more: str) -> dict[str, str]:
    """Nothing of this test run: its servers are not the stack's."""
    return {"PATH": os.environ["PATH"], "DEMO": "0", **more}


def wait_until(true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


class Stack:
    """`run` starts it; `folder` outlives its runs until `remove`."""

    def __init__(self, *, demo: bool = False, rate: float = 2) -> None:
        """`rate`: sagas of the demo in a second."""
        self.demo, self.rate = demo, rate
        self.folder = Path(tempfile.mkdtemp(prefix="amends-stack-"))
        # PostgreSQL runs as another account where we are root, and has to pass through.
        self.folder.chmod(0o711)
        self.data = self.folder / "data"
        self.port = ports.find_free(1, None)
        self.url = f"http://127.0.0.1:{self.port}"
        self.supervisor: subprocess.Popen[str] | None = None

    def command(self, **more: str) -> subprocess.Popen[str]:
        own = {"DATA": str(self.data), "PORT": str(self.port), "DEMO": str(int(self.demo))}
        own["DEMO_RATE"] = str(self.rate)
        given = environment(**own | more)
        return subprocess.Popen(
            [sys.executable, "-m", "console.stack"],
            cwd=ROOT,
            env=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> str:
        """Start it and return its ready line."""
        self.supervisor = self.command()
        assert self.supervisor.stdout
        return self.supervisor.stdout.readline()

    def settings(self) -> dict[str, str]:
        """What the running stack tells its own processes."""
        return read_stack_env(self.data / "stack.env")

    def secret(self, *command: str) -> str:
        """What a management command prints on its last line."""
        return self.manage(*command).splitlines()[-1]

    def manage(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", *command],
            env=environment(DATA=str(self.data)),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def status(self, path: str = "/readyz") -> int:
        """The answer's status; 0: there was none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def processes(self) -> dict[int, str]:
        """The command lines of all that run for this folder, by process id."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal() or int(entry.name) == os.getpid():
                continue
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                given = (entry / "environ").read_bytes().decode(errors="replace")
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                continue
            if command and str(self.folder) in command + given:
                found[int(entry.name)] = command
        return found

    def pid(self, part: str) -> int | None:
        """The part's own process, the first where it has children; None: it is down."""
        pids = [pid for pid, command in self.processes().items() if re.search(PARTS[part], command)]
        return min(pids, default=None)

    def stop(self) -> int:
        assert self.supervisor
        self.supervisor.send_signal(signal.SIGINT)
        return self.supervisor.wait(PATIENCE)

    def remove(self) -> None:
        if self.supervisor:
            self.supervisor.kill()
            self.supervisor.communicate()
        wait_until(lambda: not self.processes())
        shutil.rmtree(self.folder)
