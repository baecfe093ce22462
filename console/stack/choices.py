"""What a person may choose about a stack: its port, its folder, its stores, and whether the demo runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console import environment
from console.stack.errors import StackError


@dataclass(frozen=True)
class Choices:
    """`database_url` and `broker_url` are empty where the embedded servers are wanted."""

    port: int
    data: Path
    demo: bool
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
    return Choices(
        port=int(port),
        data=environment.data_folder().absolute(),
        demo=demo == "1",
        database_url=given.get("DATABASE_URL", ""),
        broker_url=given.get("BROKER_URL", ""),
    )
