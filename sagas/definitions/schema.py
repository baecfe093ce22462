"""What a definition says, as values. YAML is read into these by `sagas.definitions.parse`."""

import re
from collections.abc import KeysView
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from sagas import stakes
from sagas.definitions import paths
from sagas.definitions.approval import ApprovalRule
from sagas.definitions.business import Conflict, Rule
from sagas.definitions.fields import Label, Name, Path, Paths, Seconds, Text, Version
from sagas.definitions.foreign import EventMapping
from sagas.vocabulary import Learned, StepKind

JSON = Any

CURRENCY = re.compile(r"[A-Z]{3}")


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


class AtStake(Struct, frozen=True, forbid_unknown_fields=True):
    """What one saga puts at stake: an amount that payloads tell, or a weight that is the same for all.

    `currency` is a path, too, or the currency itself in three capital letters.
    """

    amount: Annotated[str, Meta(max_length=500)] = ""
    currency: Annotated[str, Meta(max_length=500)] = ""
    weight: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None

    @property
    def names_its_currency(self) -> bool:
        return bool(CURRENCY.fullmatch(self.currency))


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
    stake: AtStake | Path | None = None
    steps: Annotated[list[StepDefinition], Meta(max_length=500)] = []
    rules: Annotated[list[Rule], Meta(max_length=100)] = []
    conflicts: Annotated[list[Conflict], Meta(max_length=100)] = []
    events: Annotated[list[EventMapping], Meta(max_length=500)] = []
    # Who must agree to a repair. None: as the default policy says; empty: nobody.
    approval: Annotated[list[ApprovalRule], Meta(max_length=100)] | None = None
    # Payload paths whose values are shown to nobody who does not ask to see them (sagas.masking).
    masked: Annotated[list[Path], Meta(max_length=100)] = []

    def __post_init__(self) -> None:
        if not self.title:
            msgspec.structs.force_setattr(self, "title", self.type.replace("-", " ").replace("_", " "))

    @cached_property
    def _by_name(self) -> dict[str, StepDefinition]:
        return {step.name: step for step in self.steps}

    def step(self, name: str) -> StepDefinition | None:
        return self._by_name.get(name)

    @property
    def step_names(self) -> KeysView[str]:
        return self._by_name.keys()

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

    @property
    def looks_beyond(self) -> bool:
        """Whether it says more of a saga than what each step is (sagas.detection.beyond)."""
        return bool(self.rules or self.conflicts)

    @cached_property
    def linking(self) -> frozenset[str]:
        """The business keys by which its rules and conflicts look at other sagas."""
        names = {name for rule in self.rules if rule.mentions.others for name in rule.keys_of(self.keys)}
        return frozenset(names | {conflict.key for conflict in self.conflicts})

    @cached_property
    def _values(self) -> dict[str, list[str]]:
        """The payload paths that rules mention, split."""
        mentioned = {path for rule in self.rules for path in rule.paths}
        return {path: path.split(".") for path in sorted(mentioned)}

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
        return bool(self.keys or self.display or self._values or self.at_stake)

    def values(self, data: JSON) -> dict[str, str]:
        """What stands in this payload at the paths that rules mention, as JSON (`paths.keep`)."""
        if not self._values or not isinstance(data, dict | list):
            return {}
        found = {path: paths.look_up(data, split) for path, split in self._values.items()}
        return {path: paths.keep(value) for path, value in found.items() if value is not None}

    @cached_property
    def at_stake(self) -> AtStake | None:
        return AtStake(amount=self.stake) if isinstance(self.stake, str) else self.stake

    def stake_in(self, data: JSON) -> str:
        """What this payload says is at stake, as facts keep it; empty where it says nothing of the kind."""
        at_stake = self.at_stake
        if at_stake is None or not at_stake.amount:
            return ""
        amount = paths.look_up(data, at_stake.amount.split("."))
        if amount is None or not at_stake.currency or at_stake.names_its_currency:
            return stakes.find(amount, at_stake.currency)
        return stakes.find(amount, paths.look_up(data, at_stake.currency.split(".")) or None)

    def extract(self, data: JSON) -> tuple[dict[str, str], dict[str, str]]:
        """(business keys, display values) in this payload; a value is there when all its paths are.

        None is longer than `paths.LONGEST`, also where it is joined of several.
        """
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
                (keys if is_key else display)[name] = " ".join(found)[: paths.LONGEST]
        return keys, display
