"""`participants.json`: where each participant listens and with which secrets, written by `setup_demo`."""

import json
from dataclasses import dataclass
from pathlib import Path

FILE = "participants.json"


@dataclass(frozen=True)
class Credentials:
    name: str
    port: int
    key: str  # for sending events to Amends
    secret: str  # whsec_…: signs every request to this participant

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def read(folder: Path) -> dict[str, Credentials]:
    """Every participant's credentials, by name.

    Raises OSError where the file cannot be read, ValueError where it is not what `setup_demo` writes.
    """
    path = folder / FILE
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["participants"]
        return {row["name"]: Credentials(**row) for row in rows}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not as setup_demo writes it: {error}") from error
