"""What a participant does for a living, as the machinery around it sees it."""

import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo.cloudevents import Mode

Facts = dict[str, Any]


class Declined(Exception):
    """The business says no, for good: trying again would not help. Its text is the reason."""


@dataclass(frozen=True)
class Job:
    """One step of one saga, as it was asked for."""

    saga: str
    reference: str  # the id of what the step makes: a charge, a parcel
    data: Facts  # the saga's payload


@dataclass(frozen=True)
class Action:
    """One step's work. Its functions run inside the transaction that also records that they were done."""

    reference: str  # what the id is called in events, such as charge_id
    prefix: str  # what the id begins with, such as ch
    announce: Callable[[Facts], Facts]  # what is told when the work starts
    do: Callable[[sqlite3.Connection, Job], Facts]  # what is told when it is done; raises Declined
    undo: Callable[[sqlite3.Connection, str], Facts] | None = None  # by saga; None: cannot be undone


@dataclass(frozen=True)
class Business:
    schema: str
    actions: dict[str, Action]  # by step
    mode: Mode  # how it sends its events to Amends


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(4)}"


def cents(money: Facts) -> int:
    """`{"amount": "129.90", …}` in the currency's hundredths."""
    whole, _, part = money["amount"].partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))
