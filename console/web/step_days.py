"""How the steps of a definition went over the last days: one line a step, and one step day by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from sagas import learning
from sagas.definitions import Definition
from sagas.facts import SECOND
from sagas.learning.reading import Day, together
from sagas.timeline.scale import duration

DAYS = 14


@dataclass(frozen=True)
class Figures:
    """Executions of a step that ended on a day or in several; texts for people."""

    day: date
    runs: int
    p50: str
    p99: str
    failed: str
    compensated: str
    unanswered: int
    compensation_failed: int

    @classmethod
    def of(cls, day: Day) -> "Figures":
        return cls(
            day.day,
            day.count,
            took(day.p50),
            took(day.p99),
            share(day.failure_rate),
            share(day.compensation_rate),
            day.unanswered,
            day.compensation_failed,
        )


@dataclass(frozen=True)
class Line:
    """One step over all days; `runs`: of each day, for a small chart. `is_known`: the definition has it."""

    name: str
    title: str
    is_known: bool
    total: Figures | None
    runs: list[int]
    label: str
    is_open: bool


def read(definition: Definition, asked: str) -> dict[str, Any]:
    """The template context; `asked`: the step to show day by day, "" for none."""
    found = learning.days(definition.type, definition.version, DAYS)
    today = timezone.now().date()
    calendar = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    titles = {step.name: step.title for step in definition.steps}
    names = [*titles, *(name for name in found if name not in titles)]
    lines = [
        _line(name, titles.get(name, name), name in titles, found.get(name, []), calendar, asked)
        for name in names
    ]
    return {
        "figures": lines if found else [],
        "figures_days": DAYS,
        "of_step": next((line for line in lines if line.is_open), None),
        "by_day": [Figures.of(day) for day in reversed(found.get(asked, []))],
    }


def _line(
    name: str, title: str, is_known: bool, days: Sequence[Day], calendar: Sequence[date], asked: str
) -> Line:
    counts = {day.day: day.count for day in days}
    runs = [counts.get(day, 0) for day in calendar]
    label = f"{title}: runs on each of the last {DAYS} days, the newest last: {', '.join(map(str, runs))}"
    total = Figures.of(together(days)) if days else None
    return Line(name, title, is_known, total, runs, label, name == asked)


def took(seconds: float | None) -> str:
    """A measured time, as exactly as is of use."""
    return "–" if seconds is None else duration(round(seconds * SECOND))


def share(part: float | None) -> str:
    """Such as 0 %, 0.04 %, 3.5 %, 12 %."""
    if part is None:
        return "–"
    percent = part * 100
    if percent == 0 or percent >= 10:
        return f"{percent:.0f} %"
    return f"{percent:.2g} %" if percent >= 0.01 else "< 0.01 %"
