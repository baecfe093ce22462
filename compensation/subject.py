"""What a plan is made from: one saga as it is known at one moment. `compensation.reading` fetches it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sagas.definitions import Definition
from sagas.definitions.paths import look_up
from sagas.fold import State


@dataclass(frozen=True, slots=True)
class Address:
    """Where a participant can be called, and whether a secret to sign with is set."""

    base_url: str
    can_sign: bool


@dataclass(frozen=True, slots=True)
class Payload:
    """What one event of a step carried."""

    execution: str
    data: Any


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent under an idempotency key: about which execution, and when it was sent last.

    `execution` is empty where nobody had named one by then. `at`: microseconds since 1970 UTC.
    """

    kind: str
    step: str
    execution: str
    at: int


@dataclass(frozen=True, slots=True)
class Rival:
    """The repair that runs already, or whose last request is still on its way."""

    pk: int
    by: str
    since: datetime

    def __str__(self) -> str:
        return f"R-{self.pk} by {self.by}"


@dataclass(frozen=True, slots=True)
class Subject:
    """One saga: its state, what describes it, who can be called, and what its steps' events carried."""

    saga_type: str
    saga_id: str
    revision: int
    state: State
    definition: Definition | None
    # By participant name; one that is missing is not registered.
    addresses: Mapping[str, Address] = field(default_factory=dict)
    # By step name, newest first.
    payloads: Mapping[str, Sequence[Payload]] = field(default_factory=dict)
    # By idempotency key, what Amends has sent for this saga before; questions about it aside.
    sent: Mapping[str, Sent] = field(default_factory=dict)
    rival: Rival | None = None

    def datum(self, step: str, execution: str, path: str) -> Any:
        """What the newest event that has it says at this path; None: none has it.

        Events of another execution of the step do not count; events that name none do.
        """
        words = path.split(".")
        return next(self._found(step, execution, words), None)

    def _found(self, step: str, execution: str, words: list[str]) -> Iterator[Any]:
        for payload in self.payloads.get(step, ()):
            if not (execution and payload.execution) or payload.execution == execution:
                value = look_up(payload.data, words)
                if value is not None:
                    yield value
