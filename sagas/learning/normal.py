"""What is normal for a step: quantiles of the last weeks, and the deadline that follows from them."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sagas.learning import statements
from sagas.learning.sketch import Durations
from sagas.models import StepNorm
from sagas.sql import encode, run

# How many days count; older ones are forgotten. The same weekday comes four times, so that a slow Monday
# is known as such, and what changed a month ago no longer matters.
WINDOW = 28

# Nothing is said of what is normal before this many: the 99th of a hundred needs about as many to be seen.
FEWEST = 50

# A learned deadline is this many times what 99 of 100 take, and never shorter than FLOOR (seconds): it is
# meant for what is stuck, not for what is slow, and shorter than that nobody could look at it anyway.
FACTOR = 3
QUANTILES = (0.5, 0.95, 0.99)
FLOOR = 1.0


class Norm(NamedTuple):
    """Of completed executions, all in seconds."""

    samples: int
    p50: float
    p95: float
    p99: float

    @property
    def limit(self) -> float:
        """The learned deadline, to the tenth of a second: a sketch knows no better."""
        return max(FLOOR, round(FACTOR * self.p99, 1))


def of(sketch: Durations) -> Norm | None:
    """What these durations make normal; None where they are too few."""
    return _enough(len(sketch), *(sketch.quantile(share) for share in QUANTILES))


class StepNorms(NamedTuple):
    """What is normal for a step and for its compensation; None where too little is known."""

    forward: Norm | None
    back: Norm | None


NOTHING = StepNorms(None, None)

# Norms made anew in one statement: enough that statements are few, few enough that it is soon done.
CHUNK = 50


def norm(saga_type: str, version: str, step: str) -> Norm | None:
    """What is normal for this step going forward; None where too little is known."""
    return norms(saga_type, version, [step]).get(step, NOTHING).forward


def norms(saga_type: str, version: str, steps: Collection[str] | None = None) -> dict[str, StepNorms]:
    """Likewise for several steps, or all, with their compensations; by step, in one query."""
    rows = StepNorm.objects.filter(saga_type=saga_type, version=version)
    if steps is not None:
        rows = rows.filter(step__in=steps)
    fields = ("samples", "p50", "p95", "p99", "back_samples", "back_p50", "back_p95", "back_p99")
    return {step: _read(figures) for step, *figures in rows.values_list("step", *fields)}


def distributions(
    saga_type: str, version: str, steps: Collection[str]
) -> dict[str, tuple[Durations, Durations]]:
    """By step, all durations of the window, forward and back, few as they may be; in one query."""
    rows = StepNorm.objects.filter(saga_type=saga_type, version=version, step__in=steps)
    return {
        step: (Durations(packed=bytes(forward)), Durations(packed=bytes(back)))
        for step, forward, back in rows.values_list("step", "forward", "back")
    }


def all_known() -> dict[tuple[str, str], dict[str, StepNorms]]:
    """By saga type and version, then by step: every norm that says anything, in one query."""
    found: dict[tuple[str, str], dict[str, StepNorms]] = {}
    for saga_type, version, step, *figures in run(statements.NORMS, fewest=FEWEST):
        found.setdefault((saga_type, version), {})[step] = _read(figures)
    return found


def renew(now: datetime) -> int:
    """Make anew what does not fit the days of the window any more; how many norms were written or dropped."""
    count = 0
    while stale := run(statements.STALE, day=_last_forgotten(now), most=CHUNK):
        _renew(stale, now)
        count += len(stale)
        if len(stale) < CHUNK:
            break
    return count


def _renew(stale: Sequence[tuple[Any, ...]], now: datetime) -> None:
    gone = [_key(*row[:3]) for row in stale if row[3] is None]
    if gone:
        run(statements.DROP_NORMS, rows=encode(gone))
    made_of = {row[:3]: row[3:] for row in stale if row[3] is not None}
    if not made_of:
        return
    sketches = {key: (Durations(), Durations()) for key in made_of}
    keys = encode([_key(*key) for key in made_of])
    for *key, forward, back in run(statements.DAYS_OF, rows=keys, day=_last_forgotten(now)):
        ahead, behind = sketches[tuple(key)]
        ahead.merge(Durations(packed=forward))
        behind.merge(Durations(packed=back))
    rows = [
        _key(*key)
        | {"since": since, "counted": counted}
        | _figures("", sketches[key][0])
        | _figures("back_", sketches[key][1])
        | {"forward": sketches[key][0].pack(), "back": sketches[key][1].pack()}
        for key, (since, counted) in made_of.items()
    ]
    run(statements.PUT_NORMS, rows=encode(rows))


def _figures(prefix: str, sketch: Durations) -> dict[str, Any]:
    quantiles = {f"{prefix}p{share * 100:.0f}": sketch.quantile(share) for share in QUANTILES}
    return {f"{prefix}samples": len(sketch)} | quantiles


def _key(saga_type: str, version: str, step: str) -> dict[str, str]:
    return {"saga_type": saga_type, "version": version, "step": step}


def _last_forgotten(now: datetime) -> date:
    """The last day before the window."""
    return now.date() - timedelta(days=WINDOW)


def _read(figures: Sequence[Any]) -> StepNorms:
    return StepNorms(_enough(*figures[:4]), _enough(*figures[4:]))


def _enough(samples: int, *quantiles: float | None) -> Norm | None:
    p50, p95, p99 = quantiles
    if samples < FEWEST or p50 is None or p95 is None or p99 is None:
        return None
    return Norm(samples, p50, p95, p99)
