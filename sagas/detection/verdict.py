"""What a code says of a saga: since when, from when on, and by which events."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from sagas import facts
from sagas.facts import Moment
from sagas.fold import SECOND
from sagas.vocabulary import FAULTS, Code, Severity

# `due` of what holds from the first moment on, whatever the sender's clock says.
AT_ONCE = 0

# Events that one names.
MOST_EVIDENCE = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """One code for one step (empty: the whole saga). Times are microseconds, as in facts.

    It may lie in the future: `due` is the moment from which it holds unless the facts change before.
    """

    code: Code
    step: str
    due: int
    since: int
    evidence: tuple[Moment, ...]
    # What the sentence needs (sagas.story): plain JSON.
    detail: dict[str, Any]
    # Where it weighs less or more than its code usually does.
    weight: Severity | None = None

    @property
    def severity(self) -> Severity:
        return self.weight or FAULTS[self.code].severity

    @property
    def since_at(self) -> datetime:
        return facts.moment(self.since)

    @property
    def proof(self) -> list[dict[str, str]]:
        """The events that prove it, by the identity that senders gave them."""
        return [{"source": moment.source, "id": moment.stamp.event_id} for moment in self.evidence]


def proof(*moments: Moment | None) -> tuple[Moment, ...]:
    return tuple(dict.fromkeys(moment for moment in moments if moment))


def iso(moment: Moment) -> str:
    """As details keep a time."""
    return facts.moment(moment.stamp.time).isoformat()


def default_deadline() -> int:
    return int(settings.DEFAULT_DEADLINE * SECOND)


def skew() -> int:
    return int(settings.SKEW_ALLOWANCE * SECOND)
