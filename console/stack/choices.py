"""What a person may choose about a stack: its port, its folder, its stores, and the demo and its pace."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console import environment
from console.stack.errors import StackError

RATE = re.compile(r"\d{1,3}(\.\d{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Choices:
    """`database_url` and `broker_url` are empty where the embedded servers are wanted.

    `demo_rate`: sagas that the demo starts in a second.
    """

    port: int
    data: Path
    demo: bool
    demo_rate: float
    database_url: str
    broker_url: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def logs(self) -> Path:
        return self.data / "logs"


def read(given: Mapping[str, str]) -> Choices:
    """The choices in the process environment. Raises `StackError` naming the variable that makes no sense."""
    port = given.get("PORT") or "8000"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise StackError(f"PORT must be a number from 1 to 65535, not {port!r}")
    demo = given.get("DEMO") or "1"
    if demo not in {"0", "1"}:
        raise StackError(f"DEMO must be 1 or 0, not {demo!r}")
    rate = given.get("DEMO_RATE") or "2"
    if not RATE.fullmatch(rate):
        raise StackError(f"DEMO_RATE must be a number of sagas a second, 0.5 or 2 say, not {rate!r}")
    return Choices(
        port=int(port),
        data=environment.data_folder().absolute(),
        demo=demo == "1",
        demo_rate=float(rate),
        database_url=given.get("DATABASE_URL", ""),
        broker_url=given.get("BROKER_URL", ""),
    )
