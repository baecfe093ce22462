"""When people are told anything of what is wrong, and as what (pure).

- opened: at once; reopened: when it was told to be over.
- worsened: when it is more severe, when further problems belong to it, or ten times as many sagas have it;
  where nobody has acknowledged, also when twice as many have it or twice as much is at stake. The longer it
  goes on the rarer: at least PAUSES apart.
- resolved: when it has stayed closed for QUIET. What comes back meanwhile was never away. Each time that
  "resolved" turned out to be wrong the wait grows PATIENCE-fold, so that what flaps falls silent.
- put off (snoozed): nothing until then, or until it has grown; that it is over is told all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sagas.vocabulary import Occasion, Severity

# Between the messages that it got worse: before the first, the second, and so on.
PAUSES = (timedelta(seconds=20), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
# What only doubled can wait for so long.
SLOW = timedelta(minutes=5)
MUCH, SOME = 10, 2

QUIET = timedelta(seconds=10)
PATIENCE = 4
LONGEST_QUIET = timedelta(hours=1)

# Problems of one participant that open within this time of each other are told of as one.
STORM = timedelta(minutes=10)
# What comes back within this time after people were told that it is over is told in the same thread.
SAME_THREAD = timedelta(hours=1)
# After a restart or a pause in listening, a problem is told once it has stayed for so long: what was sent
# meanwhile may yet arrive.
SETTLING = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Standing:
    """How it is: of all problems that belong together. `closed_at`: when the last of them was over.

    `count` is what may grow: the sagas behind a silence are left out of it, as they are no news.
    """

    count: int
    problems: int
    severity: Severity
    stake: Mapping[str, Decimal] = field(default_factory=dict)
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What people know. `times`: how often they heard that it got worse; `times_over`: that it is over."""

    count: int
    problems: int
    severity: Severity
    at: datetime
    stake: Mapping[str, Decimal] = field(default_factory=dict)
    times: int = 0
    times_over: int = 0
    is_over: bool = False
    is_acknowledged: bool = False
    snoozed_until: datetime | None = None
    until_grown: bool = False


def decide(standing: Standing, told: Told | None, now: datetime) -> Occasion | None:
    """What to tell now, if anything."""
    if told is None:
        return Occasion.OPENED if standing.closed_at is None else None
    if standing.closed_at is not None:
        is_due = standing.closed_at <= now - quiet(told.times_over)
        return Occasion.RESOLVED if is_due and not told.is_over else None
    if told.is_over:
        return Occasion.REOPENED
    if told.snoozed_until is not None and now < told.snoozed_until:
        return Occasion.WORSENED if told.until_grown and has_worsened(standing, told, now) else None
    if told.snoozed_until is not None:
        # Who put it off wanted to be reminded.
        return Occasion.ESCALATED
    return Occasion.WORSENED if has_worsened(standing, told, now) else None


def quiet(times_over: int) -> timedelta:
    """For how long it has to stay closed before people are told so."""
    longest = LONGEST_QUIET / QUIET
    return QUIET * min(float(PATIENCE) ** min(times_over, 20), longest)


def has_worsened(standing: Standing, told: Told, now: datetime) -> bool:
    since = now - told.at
    if standing.severity.rank > told.severity.rank:
        return since >= PAUSES[0]
    pause = PAUSES[min(told.times, len(PAUSES) - 1)]
    if standing.problems > told.problems or standing.count >= MUCH * max(told.count, 1):
        return since >= pause
    if told.is_acknowledged or since < max(pause, SLOW):
        return False
    return standing.count >= SOME * max(told.count, 1) or any(
        amount >= SOME * told.stake[currency]
        for currency, amount in standing.stake.items()
        if told.stake.get(currency)
    )
