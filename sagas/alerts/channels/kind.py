"""What every channel has in common: its form as data, how it is given a message, and how it fails.

One folder a kind, each with a `KIND`; `sagas.alerts.channels.KINDS` is the table of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sagas.alerts.message import Message
from sagas.vocabulary import Occasion

MASK = "•••"
# How often what a thread was told last is told again, where the other side would forget it.
RENEW_EVERY = timedelta(minutes=2)
# Characters of a request or an answer that are kept.
LONGEST_EXCERPT = 2000


class FieldType(StrEnum):
    """How a field is asked for, checked and held in the config: a str, but for what is said here."""

    TEXT = "text"
    # Encrypted at rest and never shown again; where it is left empty, the old one stays.
    SECRET = "secret"  # noqa: S105  (the word itself)
    ADDRESS = "address"  # http or https
    SECRET_ADDRESS = "secret_address"  # noqa: S105  (likewise; one that is a secret by itself, as incoming webhooks are)
    MAILS = "mails"  # tuple of e-mail addresses; one a line, or with commas
    ADDRESSES = "addresses"  # tuple of http or https addresses, one a line
    CHOICE = "choice"  # one of `choices`
    FLAG = "flag"  # bool
    LINES = "lines"  # tuple of texts, one a line


SECRETS = frozenset({FieldType.SECRET, FieldType.SECRET_ADDRESS})
MANY = frozenset({FieldType.MAILS, FieldType.ADDRESSES, FieldType.LINES})


@dataclass(frozen=True, slots=True)
class Field:
    """One input of a channel's form. `choices`: value and label."""

    name: str
    label: str
    type: FieldType = FieldType.TEXT
    hint: str = ""
    required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    default: str = ""
    longest: int = 500


def region(label: str, regions: Iterable[str], titles: Mapping[str, str]) -> Field:
    """Which of a service's regions the account is in; the first, unless told."""
    names = list(regions)
    choices = tuple((name, titles.get(name, name)) for name in names)
    return Field("region", label, FieldType.CHOICE, choices=choices, default=names[0])


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one message goes: a channel, its config in the clear, and which of its targets."""

    name: str
    config: Mapping[str, Any]
    target: str = ""
    secrets: tuple[str, ...] = ()

    def mask(self, text: str) -> str:
        """Without the channel's secrets, and not too long: fit to be kept and shown."""
        for secret in sorted(filter(None, self.secrets), key=len, reverse=True):
            text = text.replace(secret, MASK)
        text = text.replace("\x00", "")
        return f"{text[: LONGEST_EXCERPT - 1]}…" if len(text) > LONGEST_EXCERPT else text

    def hiding(self, message: Message) -> "Destination":
        """The same, where the signed addresses of the message are secrets too: whoever has one may act."""
        acts = message.acts
        return self if acts is None else replace(self, secrets=(*self.secrets, acts.acknowledge, acts.snooze))


@dataclass(frozen=True, slots=True)
class Sent:
    """It was taken. `state` is kept for the thread and given to the next message of it, whole.

    `request` and `answer`: excerpts for people, without secrets (`Destination.mask`).
    """

    state: Mapping[str, Any] = field(default_factory=dict)
    request: str = ""
    answer: str = ""


class DeliveryError(Exception):
    """Nobody took the message: why, in words without secrets, and whether trying again could help.

    `retry_after`: seconds that the other side asks for.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        request: str = "",
        answer: str = "",
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after
        self.request = request
        self.answer = answer


def one_target(config: Mapping[str, Any], owner: str) -> Iterable[str]:
    """For channels that lead to one place, which their config names."""
    return ("",)


def no_complaint(config: Mapping[str, Any]) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to reach people.

    `send(message, destination, state)` is called outside of any transaction, in a thread of its own, and
    takes ten seconds at most; it raises `DeliveryError`. `state` is what the last `Sent` of this thread and
    target kept, empty for the first message: a provider's ids, with which updates join the thread. A message
    may come twice, as whoever sends it may die before that is recorded: the same `message.id` then.

    `targets(config, owner)`: who is reached, each by a message of its own, as it is shown; `owner` is the
    problem's, as its definition names it. `check(config)`: complaints beyond those of the fields.
    `skips`: occasions that nobody wants to hear of this way. `keeps_state`: the other side holds the problem
    open until it is told that it is over (paging services), and so is also told where people accepted it.
    `renews`: the other side takes it for over when it is not told again, so what a thread was told last is
    sent once more every RENEW_EVERY until it is over; of what it holds open there is a `state`. `is_offered`:
    whether all is installed that it needs; else no new channel is of this kind.
    """

    name: str
    title: str
    icon: str
    says: str
    fields: tuple[Field, ...]
    send: Callable[[Message, Destination, Mapping[str, Any]], Sent]
    targets: Callable[[Mapping[str, Any], str], Iterable[str]] = one_target
    check: Callable[[Mapping[str, Any]], Iterable[str]] = no_complaint
    skips: frozenset[Occasion] = frozenset()
    keeps_state: bool = False
    renews: bool = False
    is_offered: bool = True
    # Messages a minute, where the admin says nothing else.
    per_minute: int = 30
