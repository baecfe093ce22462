"""`participants.json`: where each participant listens, and with which secrets; `setup_demo` writes it."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
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


def write(folder: Path, participants: Iterable[Credentials], alert_secret: str) -> None:
    """Readable by its owner alone; whoever reads it meanwhile sees the old one or the new one, whole.

    `alert_secret` is what Amends signs its alerts with, for the inbox to check; empty: it does not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = [asdict(each) for each in participants]
    unfinished = folder / f"{FILE}.new"
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"participants": rows, "alert_secret": alert_secret}, file, indent=2)
    unfinished.replace(folder / FILE)


def read(folder: Path) -> dict[str, Credentials]:
    """Every participant's credentials, by name.

    Raises OSError where the file cannot be read, ValueError where it is not what `write` wrote.
    """
    path = folder / FILE
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["participants"]
        return {row["name"]: Credentials(**row) for row in rows}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not as setup_demo writes it: {error}") from error


def read_alert_secret(folder: Path) -> str:
    return str(json.loads((folder / FILE).read_text(encoding="utf-8"))["alert_secret"])
