"""The endpoints over HTTP: real uvicorn, one process, a few senders that keep their connections."""

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.stack import ports

ROOT = Path(__file__).parents[2]
SENDERS = 4


@contextmanager
def server(log: Path) -> Iterator[int]:
    """A web process as `make run` starts it, on a port of its own."""
    listener = ports.listen(0)
    command = [
        "uvicorn",
        os.environ.get("BENCH_APP", "console.asgi:application"),
        "--fd",
        str(listener.fileno()),
        "--no-access-log",
    ]
    command += ["--no-proxy-headers"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=os.environ,
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=output,
        )
        port = listener.getsockname()[1]
        listener.close()
        try:
            _wait(port)
            yield port
        finally:
            process.terminate()
            process.wait()


def send(port: int, path: str, content_type: str, key: str, bodies: list[bytes], events: int) -> float:
    """Events a second over all bodies of `events` events each, by SENDERS at once."""
    waiting = list(reversed(bodies))
    lock = threading.Lock()
    failures: list[str] = []
    headers = {"Content-Type": content_type, "Authorization": f"Bearer {key}"}

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while True:
            with lock:
                if not waiting or failures:
                    return
                body = waiting.pop()
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status not in {200, 201} or b'"quarantined":0' not in answer + b'"quarantined":0' * (
                response.status == 201
            ):
                failures.append(f"{response.status} {answer[:500]!r}")

    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if failures:
        raise SystemExit(f"The server refused: {failures[0]}")
    return len(bodies) * events / seconds


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The web process did not start.")
