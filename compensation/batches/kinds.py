"""What is done about a saga of a batch, action by action, as its row and the batch's summary have it."""

from typing import NamedTuple, Self

import msgspec

from compensation.plan import Action


class PlannedKind(NamedTuple):
    """An action without what differs from saga to saga."""

    kind: str
    participant: str
    step: str

    @classmethod
    def of(cls, action: Action) -> Self:
        return cls(action.kind, action.participant, action.step)

    @property
    def text(self) -> str:
        """As a row holds it: JSON, as names may hold whatever would stand between them."""
        return msgspec.json.encode(self).decode()


def read(text: str) -> PlannedKind:
    """What `PlannedKind.text` was."""
    return msgspec.json.decode(text, type=PlannedKind)
