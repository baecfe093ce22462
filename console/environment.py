"""Where settings come from: the process environment, then the running stack's own file.

`make run` writes `DATA/stack.env`, so that `.venv/bin/python manage.py …` in another terminal reaches the
same database and broker without anyone exporting anything. A variable that is set in the environment wins.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """The folder of this stack's data: `DATA`, relative to the clone, or the clone's own `.data`."""
    return ROOT / os.environ.get("DATA", ".data")


def read_stack_env(path: Path) -> dict[str, str]:
    """KEY=VALUE lines of a stack's file; empty where there is no file or it is not ours to read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")
    return {key.strip(): value for key, value in pairs}


class Environment:
    """Typed look-ups; a value that cannot be read raises `ValueError` naming the variable."""

    def __init__(self, given: dict[str, str], stack: dict[str, str]) -> None:
        self._values = stack | {key: value for key, value in given.items() if value != ""}

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, default)

    def words(self, name: str, default: str = "") -> list[str]:
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.text(name, "1" if default else "0").lower()
        if value not in {"0", "1", "true", "false", "yes", "no"}:
            raise ValueError(f"{name} must be 1 or 0, not {value!r}")
        return value in {"1", "true", "yes"}

    def number(self, name: str, default: float, *, least: float = 0) -> float:
        try:
            value = float(self.text(name, str(default)))
        except ValueError:
            raise ValueError(f"{name} must be a number, not {self.text(name)!r}") from None
        if value < least:
            raise ValueError(f"{name} must be at least {least:g}, not {value:g}")
        return value


def load() -> Environment:
    return Environment(dict(os.environ), read_stack_env(data_folder() / "stack.env"))
