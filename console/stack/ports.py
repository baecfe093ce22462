"""Ports on 127.0.0.1: the one people open, and those the demo's parts use among themselves."""

import errno
import random
import socket
import time

from console.stack.errors import StackError

HOST = "127.0.0.1"
# Below the range from which Linux takes the ports of outgoing connections.
DEMO_PORTS = range(20_000, 32_000)


def listen(port: int, patience: float = 2.0) -> socket.socket:
    """A listening socket on this port; what just ended there is given `patience` seconds to let go of it.

    The socket is kept by the supervisor, so requests wait while a web process is replaced.
    Raises `StackError` where another program has the port.
    """
    deadline = time.monotonic() + patience
    while True:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. uvicorn takes a socket that it is handed for a Unix one and does not set it,
        # and then every answer on a kept connection waits 40 ms for the client's delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(2048)
        except OSError as error:
            listener.close()
            if error.errno == errno.EACCES:
                raise StackError(
                    f"port {port} is reserved for root: choose another, as in PORT=8000"
                ) from None
            if error.errno != errno.EADDRINUSE:
                raise
            if time.monotonic() > deadline:
                raise StackError(
                    f"port {port} is in use: choose another, as in `make run PORT={port + 1}`"
                ) from None
            time.sleep(0.1)
        else:
            return listener


def find_free(count: int, before: int | None) -> int:
    """The first of `count` free ports in a row: those of `before` where they are still free."""
    tries = [random.randrange(DEMO_PORTS.start, DEMO_PORTS.stop - count) for _ in range(100)]  # noqa: S311
    for first in ([before] if before else []) + tries:
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise StackError(f"no {count} free ports in a row were found for the demo: run with DEMO=0")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
