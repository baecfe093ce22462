"""What a definition says, as values. YAML is read into these by `sagas.definitions.parse`."""

import re
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from sagas.definitions import paths
from sagas.vocabulary import Learned, StepKind

JSON = Any

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)")
LONGEST = 3650 * 86400.0

# What the letters may be is judged by `checking`: msgspec's own `pattern` crashes in unions (its issue 717).
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Version = Annotated[str, Meta(min_length=1, max_length=100)]
Text = Annotated[str, Meta(max_length=500)]
# Shorter than other names: a key stands in one index with its name and value, which takes 2,700 bytes.
Label = Annotated[str, Meta(min_length=1, max_length=100)]
Path = Annotated[str, Meta(min_length=1, max_length=500)]
Paths = Annotated[list[Path], Meta(min_length=1, max_length=10)]


class Seconds(float):
    """A duration. Written in YAML as 500ms, 30s, 10m, 2h or 1d; kept and computed with as seconds."""

    @classmethod
    def read(cls, text: object) -> "Seconds":
        """From YAML. Raises `ValueError` for anything but a positive duration with its unit."""
        match = DURATION.fullmatch(text) if isinstance(text, str) else None
        seconds = cls(match[1]) * UNITS[match[2]] if match else 0.0
        if not 0 < seconds <= LONGEST:
            raise ValueError("must be a duration such as 500ms, 30s, 10m, 2h or 1d (at most 3650d)")
        return cls(seconds)


class Retries(Struct, frozen=True, forbid_unknown_fields=True):
    """How often a request is sent; the wait in between is `first`, then twice as long, up to `most`."""

    attempts: Annotated[int, Meta(ge=1, le=100)] = 6
    first: Seconds = Seconds(1)
    most: Seconds = Seconds(60)


class Call(Struct, frozen=True, forbid_unknown_fields=True):
    """A request to the step's participant; `request` is "METHOD /path" below its base URL."""

    request: Annotated[str, Meta(max_length=2000)]

    @property
    def method(self) -> str:
        return self.request.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.request.partition(" ")[2]


class Order(Call, frozen=True, forbid_unknown_fields=True):
    """A request that changes something: has a body and an idempotency key, is sent again when unanswered."""

    body: JSON = None
    retries: Retries = Retries()


class Compensation(Order, frozen=True, forbid_unknown_fields=True):
    """What undoes the step. `deadline` counts from the start of compensating to its confirmation."""

    title: Text = ""
    deadline: Seconds | None = None


class StepDefinition(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """One local transaction. `after` is None where it follows the step written before it."""

    name: Name
    kind: StepKind
    title: Text = ""
    participant: Annotated[str, Meta(max_length=200)] = ""
    after: list[Name] | None = None
    deadline: Seconds | None = None
    required: bool = True
    # What a learned deadline may do, where none is declared; None: as the definition says.
    learned: Learned | None = None
    # More attempts than these are a storm; None: ATTEMPT_STORM.
    attempts: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    compensation: Compensation | None = None
    retry: Order | None = None
    status: Call | None = None

    def __post_init__(self) -> None:
        """Titles are never empty, so that nobody who shows a step has to think of one."""
        if not self.title:
            msgspec.structs.force_setattr(self, "title", self.name.replace("-", " ").replace("_", " "))
        if self.compensation and not self.compensation.title:
            titled = msgspec.structs.replace(self.compensation, title=f"undo {self.title}")
            msgspec.structs.force_setattr(self, "compensation", titled)


class Definition(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """One version of a saga type: what its steps are, how long they may take, how each is undone."""

    type: Name
    version: Version
    title: Text = ""
    owner: Text = ""
    runbook: Text = ""
    deadline: Seconds | None = None
    learned: Learned = Learned.WARN
    # A part of another saga: it may be undone although it has completed.
    nested: bool = False
    # What the events' `sequence` counts: all events of a source, or those of each saga from its source.
    sequence: Literal["source", "saga"] = "source"
    keys: dict[Label, Path] = {}
    display: dict[Label, Path | Paths] = {}
    steps: Annotated[list[StepDefinition], Meta(max_length=500)] = []

    def __post_init__(self) -> None:
        if not self.title:
            msgspec.structs.force_setattr(self, "title", self.type.replace("-", " ").replace("_", " "))

    @cached_property
    def _by_name(self) -> dict[str, StepDefinition]:
        return {step.name: step for step in self.steps}

    def step(self, name: str) -> StepDefinition | None:
        return self._by_name.get(name)

    @cached_property
    def predecessors(self) -> dict[str, tuple[str, ...]]:
        """Per step, by name: the steps that must have completed before it may start."""
        found: dict[str, tuple[str, ...]] = {}
        before: tuple[str, ...] = ()
        for step in self.steps:
            found[step.name] = before if step.after is None else tuple(step.after)
            before = (step.name,)
        return found

    @cached_property
    def successors(self) -> dict[str, tuple[str, ...]]:
        """Per step, by name: the steps that wait for it."""
        return {
            name: tuple(later for later, before in self.predecessors.items() if name in before)
            for name in self.predecessors
        }

    @cached_property
    def _paths(self) -> list[tuple[bool, str, list[list[str]]]]:
        """(is it a business key, name, split paths), for `extract`."""
        keys = [(True, name, [path]) for name, path in self.keys.items()]
        display = [
            (False, name, [paths] if isinstance(paths, str) else paths)
            for name, paths in self.display.items()
        ]
        return [
            (is_key, name, [path.split(".") for path in several]) for is_key, name, several in keys + display
        ]

    @property
    def looks_into_payloads(self) -> bool:
        return bool(self.keys or self.display)

    def extract(self, data: JSON) -> tuple[dict[str, str], dict[str, str]]:
        """(business keys, display values) in this payload; a value is there when all its paths are."""
        keys: dict[str, str] = {}
        display: dict[str, str] = {}
        if not isinstance(data, dict | list):
            return keys, display
        for is_key, name, several in self._paths:
            found: list[str] = []
            for path in several:
                text = paths.text(paths.look_up(data, path))
                if text is None:
                    break
                found.append(text)
            else:
                (keys if is_key else display)[name] = found[0] if len(found) == 1 else " ".join(found)
        return keys, display
