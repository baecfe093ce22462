"""Steps by day: how many executions ended how, and how long they took."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.utils import timezone

from sagas.learning.sketch import Durations
from sagas.models import StepDay

OUTCOMES = ("completed", "failed", "unanswered", "compensated", "compensation_failed")


@dataclass(slots=True)
class Day:
    """Executions of one step that ended on this day (UTC)."""

    day: date
    completed: int = 0
    failed: int = 0
    unanswered: int = 0  # timed out, or still open when their saga ended
    compensated: int = 0
    compensation_failed: int = 0
    forward: Durations = field(default_factory=Durations)
    back: Durations = field(default_factory=Durations)

    @property
    def count(self) -> int:
        return self.completed + self.failed + self.unanswered

    @property
    def p50(self) -> float | None:
        """Seconds; None where no duration is known."""
        return self.forward.quantile(0.5)

    @property
    def p99(self) -> float | None:
        return self.forward.quantile(0.99)

    @property
    def failure_rate(self) -> float | None:
        """The share that did not complete, from 0 to 1; None where there was none."""
        return (self.failed + self.unanswered) / self.count if self.count else None

    @property
    def compensation_rate(self) -> float | None:
        """The share that had to be undone, whether or not that succeeded. At most 1."""
        undone = self.compensated + self.compensation_failed
        return min(1.0, undone / self.count) if self.count else None

    def merge(self, row: StepDay) -> None:
        for outcome in OUTCOMES:
            setattr(self, outcome, getattr(self, outcome) + getattr(row, outcome))
        self.forward.merge(Durations(packed=bytes(row.forward)))
        self.back.merge(Durations(packed=bytes(row.back)))


def days(
    saga_type: str, version: str | None = None, days: int = 14, now: datetime | None = None
) -> dict[str, list[Day]]:
    """By step, its last days, the oldest first; days on which nothing ended are not there.

    `version`: of the definition, "" for sagas without one, None for all together.
    """
    today = (now or timezone.now()).date()
    rows = StepDay.objects.filter(saga_type=saga_type, day__gt=today - timedelta(days=days))
    if version is not None:
        rows = rows.filter(version=version)
    found: dict[str, list[Day]] = {}
    for row in rows.order_by("step", "day"):
        known = found.setdefault(row.step, [])
        if not known or known[-1].day != row.day:
            known.append(Day(row.day))
        known[-1].merge(row)
    return found


def together(days: Iterable[Day]) -> Day:
    """Several days of one step as if they were one; `day` is the last of them. Raises ValueError on none."""
    listed = list(days)
    total = Day(max(day.day for day in listed))
    for day in listed:
        for outcome in OUTCOMES:
            setattr(total, outcome, getattr(total, outcome) + getattr(day, outcome))
        total.forward.merge(day.forward)
        total.back.merge(day.back)
    return total
