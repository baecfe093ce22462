"""Conditions over problems: what routes and silences look at, and why one does not apply (pure).

All that is given must hold; of a list, one of its words (`*` stands for anything). Beyond the plain
conditions `when` is an expression in CEL over the same facts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from sagas import expressions
from sagas.expressions import EvaluationError, Expression, ExpressionError
from sagas.stakes import words
from sagas.vocabulary import Code, Condition, Severity

# What an expression looks at, by the types of `sagas.expressions`. `hour` is that of the zone; `weekday` 1 is
# Monday.
VARIABLES = {
    "saga_type": "string",
    "step": "string",
    "code": "string",
    "condition": "string",
    "severity": "string",
    "participant": "string",
    "owner": "string",
    "count": "int",
    "stake": "map",
    "hour": "int",
    "weekday": "int",
}


class Day(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WORKDAYS = (Day.MON, Day.TUE, Day.WED, Day.THU, Day.FRI)

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Words = Annotated[tuple[Word, ...], Meta(max_length=50)]
Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


@dataclass(frozen=True, slots=True)
class Subject:
    """What conditions look at: a problem as it is. `stake`: amounts by currency, "" where it has none."""

    saga_type: str = ""
    step: str = ""
    code: str = ""
    condition: str = ""
    severity: str = ""
    participant: str = ""
    owner: str = ""
    count: int = 0
    stake: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def is_of_amends(self) -> bool:
        """Nobody at all is heard, which may well be the fault of Amends."""
        return self.code == Code.SOURCE_SILENT and not self.participant


class Hours(Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """Hours of the week in a time zone; where `end` is not after `start`, it is of the next day.

    `outside`: all other hours are meant.
    """

    start: Clock
    end: Clock
    days: Annotated[tuple[Day, ...], Meta(min_length=1)] = WORKDAYS
    zone: Word = "UTC"
    outside: bool = False

    def hold(self, now: datetime) -> bool:
        there = now.astimezone(zone_of(self.zone))
        clock, today = there.time(), list(Day)[there.weekday()]
        yesterday = list(Day)[there.weekday() - 1]
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        if start < end:
            is_within = today in self.days and start <= clock < end
        else:
            is_within = (today in self.days and clock >= start) or (yesterday in self.days and clock < end)
        return is_within != self.outside

    def __str__(self) -> str:
        days = ", ".join(day.title() for day in Day if day in self.days)
        return f"{'outside of ' if self.outside else ''}{days} {self.start}–{self.end} {self.zone}"


class Match(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which problems are meant. Empty: all. Severities and conditions are words of sagas.vocabulary."""

    saga_types: Words = ()
    codes: tuple[Code, ...] = ()
    severities: tuple[Severity, ...] = ()
    conditions: tuple[Condition, ...] = ()
    participants: Words = ()
    owners: Words = ()
    count_from: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    # In any currency, where `stake_currency` names none.
    stake_from: Annotated[float, Meta(gt=0, lt=10**15)] | None = None
    stake_currency: Annotated[str, Meta(max_length=12)] = ""
    hours: Hours | None = None
    when: Annotated[str, Meta(max_length=2000)] = ""

    def why_not(self, subject: Subject, now: datetime, zone: str = "UTC") -> str:
        """In words, why it does not hold; empty: it holds. Raises `EvaluationError` where `when` fails."""
        plain = next(self._lacking(subject, now), "")
        if plain or not self.when:
            return plain
        return "" if self._ready.evaluate(variables(subject, now, zone)) else f"`{self.when}` is not true"

    def _lacking(self, subject: Subject, now: datetime) -> Iterator[str]:
        for what, wanted, given in (
            ("saga type", self.saga_types, subject.saga_type),
            ("code", self.codes, subject.code),
            ("severity", self.severities, subject.severity),
            ("condition", self.conditions, subject.condition),
            ("participant", self.participants, subject.participant),
            ("owner", self.owners, subject.owner),
        ):
            if wanted and not any(fnmatchcase(given, one) for one in wanted):
                yield f"its {what} is {given or 'not known'}, not {' or '.join(wanted)}"
        if self.count_from is not None and subject.count < self.count_from:
            yield f"{subject.count:,} sagas have it, fewer than {self.count_from:,}"
        if self.stake_from is not None and not self._has_stake(subject, Decimal(str(self.stake_from))):
            yield f"less than {words(Decimal(str(self.stake_from)), self.stake_currency)} is at stake"
        if self.hours and not self.hours.hold(now):
            yield f"it is not {self.hours}"

    def _has_stake(self, subject: Subject, least: Decimal) -> bool:
        currency = self.stake_currency.upper()
        return any(
            amount >= least for name, amount in subject.stake.items() if not currency or name == currency
        )

    @property
    def depends_on_time(self) -> bool:
        """Whether it may come to hold of a problem while nothing but its numbers or the clock change."""
        return bool(self.hours or self.when) or self.count_from is not None or self.stake_from is not None

    @property
    def compiled(self) -> Expression:
        """Raises `ExpressionError`."""
        return expressions.compile(self.when, VARIABLES, "bool")

    @property
    def _ready(self) -> Expression:
        try:
            return self.compiled
        except ExpressionError as error:
            raise EvaluationError(error.message) from None

    def complaints(self) -> Iterator[str]:
        """What its form does not show to be wrong."""
        if self.hours and not is_zone(self.hours.zone):
            yield f"{self.hours.zone!r} is no time zone; give one such as Europe/Berlin."
        if self.when:
            try:
                self.compiled  # noqa: B018  (it is compiled on the way)
            except ExpressionError as error:
                yield f"The expression: {error.message} (line {error.line}, column {error.column})."

    def __str__(self) -> str:
        """In words, for people: `severity critical; participant shipping or payment`."""
        parts = [
            f"{what} {' or '.join(wanted)}"
            for what, wanted in (
                ("saga type", self.saga_types),
                ("code", self.codes),
                ("severity", self.severities),
                ("condition", self.conditions),
                ("participant", self.participants),
                ("owner", self.owners),
            )
            if wanted
        ]
        if self.count_from is not None:
            parts.append(f"from {self.count_from:,} sagas on")
        if self.stake_from is not None:
            parts.append(f"at stake {words(Decimal(str(self.stake_from)), self.stake_currency)} or more")
        parts += [str(self.hours)] if self.hours else []
        parts += [f"`{self.when}`"] if self.when else []
        return "; ".join(parts) or "every problem"


def variables(subject: Subject, now: datetime, zone: str) -> dict[str, Any]:
    there = now.astimezone(zone_of(zone))
    return {
        "saga_type": subject.saga_type,
        "step": subject.step,
        "code": subject.code,
        "condition": subject.condition,
        "severity": subject.severity,
        "participant": subject.participant,
        "owner": subject.owner,
        "count": subject.count,
        "stake": {currency: float(amount) for currency, amount in subject.stake.items()},
        "hour": there.hour,
        "weekday": there.isoweekday(),
    }


def read(content: Any) -> Match:
    """A stored one. Raises `msgspec.ValidationError` for what is none."""
    return msgspec.convert(content, Match)


def is_zone(name: str) -> bool:
    try:
        zone_of(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@lru_cache(maxsize=200)
def zone_of(name: str) -> ZoneInfo:
    return ZoneInfo(name)
