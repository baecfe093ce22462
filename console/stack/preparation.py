"""What must be done once before a stack serves: migrations, and the demo's people, keys and definitions.

Done again only after something it depends on has changed, because a start is to be quick.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from console.environment import ROOT
from console.stack.choices import Choices


def recall(choices: Choices, values: dict[str, str]) -> str | None:
    """What the demo's setup said when all of it was last done just so; None: it is to be done."""
    if choices.database_url:
        # Somebody else's database may have been replaced behind our back.
        return None
    try:
        digest, _, said = _note(choices).read_text().partition("\n")
    except FileNotFoundError:
        return None
    return said if digest == _digest(choices, values) else None


def remember(choices: Choices, values: dict[str, str], said: str) -> None:
    _note(choices).write_text(f"{_digest(choices, values)}\n{said}")


def _note(choices: Choices) -> Path:
    return choices.data / "prepared"


def _digest(choices: Choices, values: dict[str, str]) -> str:
    whole = hashlib.sha256(repr(sorted(values.items())).encode())
    for path in _sources(choices):
        whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()


def _sources(choices: Choices) -> Iterator[Path]:
    """The files that decide the outcome."""
    yield ROOT / "requirements.lock"
    yield from sorted(ROOT.glob("*/migrations/*.py"))
    if choices.demo:
        yield ROOT / "console/management/commands/setup_demo.py"
        yield from sorted((ROOT / "demo").rglob("*.py"))
        yield from sorted((ROOT / "demo").rglob("*.yaml"))
        yield from sorted((choices.data / "demo").glob("*.json"))
