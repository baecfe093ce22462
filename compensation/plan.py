"""What a repair will do, as a value: people see it, its hash is what they start, and what is stored.

A plan is made by `compensation.planner`. Until it is started, the words that only the start knows (the
repair's number, the reason, the evidence) stand in it as their placeholders; the hash is taken over that.
"""

import hashlib
import json
from functools import cached_property
from typing import Any

import msgspec

from compensation.models import Repair, RepairAction

Intent = Repair.Intent
Kind = RepairAction.Kind


class Request(msgspec.Struct, frozen=True):
    """What is sent, to the letter: `body` is the text itself; empty: none."""

    method: str
    url: str
    body: str = ""


class Retries(msgspec.Struct, frozen=True):
    """How a request is repeated while its answer is transient. All but `attempts` in seconds.

    `deadline` is how long a 202 may take to be confirmed by an event.
    """

    attempts: int = 6
    first: float = 1.0
    most: float = 60.0
    deadline: float = 900.0


class Question(msgspec.Struct, frozen=True):
    """What is asked, once, where a participant has accepted an action and does not confirm it in time."""

    request: Request
    idempotency_key: str


class Action(msgspec.Struct, frozen=True):
    """One thing to do. `title` is its name ("refund card"), `explanation` what it does and why it may."""

    kind: str
    step: str
    execution: str
    title: str
    participant: str
    idempotency_key: str
    explanation: str
    # None: nothing is sent; what a person says is recorded.
    request: Request | None = None
    retries: Retries = Retries()
    # None: the definition does not say how to ask, or not of this saga.
    question: Question | None = None
    # For `record`: {"outcome": …, "evidence": …}.
    record: dict[str, str] = {}


class LeftAlone(msgspec.Struct, frozen=True):
    """A step that the plan does not touch, and why. `code` is for machines."""

    step: str
    execution: str
    title: str
    code: str
    why: str
    # Microseconds since 1970 UTC. What settled it happened at `since`; it may change at `until`. 0: unknown.
    since: int = 0
    until: int = 0


class Refusal(msgspec.Struct, frozen=True):
    """Why the plan cannot be started. An empty `step` is about the whole saga."""

    code: str
    step: str
    why: str


class Plan(msgspec.Struct, frozen=True, dict=True):
    """Actions in the order in which they are done, each once the one before it is confirmed."""

    intent: str
    step: str
    actions: tuple[Action, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    # What a careful colleague would say before the button is pressed.
    warnings: tuple[str, ...] = ()

    @property
    def can_start(self) -> bool:
        return bool(self.actions) and not self.refusals

    @cached_property
    def hash(self) -> str:
        return digest(self.content())

    def content(self) -> dict[str, Any]:
        """The plan as plain JSON values, as it is stored."""
        content: dict[str, Any] = msgspec.to_builtins(self)
        return content

    def canonical(self) -> str:
        return canonical(self.content())


def canonical(content: Any) -> str:
    """JSON with sorted keys and no spaces: a plan read back from the database is the same text again."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(content: Any) -> str:
    """SHA-256, in hex, of the canonical JSON."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def read(content: Any) -> Plan:
    """A stored plan. Raises `msgspec.ValidationError` for what is none."""
    return msgspec.convert(content, Plan)
