"""What every channel has in common: the message it is given, and how it says that nobody took it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


class DeliveryError(Exception):
    """Nobody took the message: why, and whether trying again could help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Message:
    """One alert to one address. `id` stays the same over retries."""

    id: UUID
    target: str
    created_at: datetime
    summary: Mapping[str, Any]
