"""What is normal for a step: quantiles of the last weeks, and the deadline that follows from them."""

from collections.abc import Collection
from typing import NamedTuple

from sagas.models import StepNorm

# How many days count; older ones are forgotten. The same weekday comes four times, so that a slow Monday
# is known as such, and what changed a month ago no longer matters.
WINDOW = 28

# Nothing is said of what is normal before this many: the 99th of a hundred needs about as many to be seen.
FEWEST = 50

# A learned deadline is this many times what 99 of 100 take, and never shorter than FLOOR (seconds): it is
# meant for what is stuck, not for what is slow, and shorter than that nobody could look at it anyway.
FACTOR = 3
FLOOR = 1.0


class Norm(NamedTuple):
    """Of completed executions, all in seconds."""

    samples: int
    p50: float
    p95: float
    p99: float

    @property
    def limit(self) -> float:
        """The learned deadline."""
        return max(FLOOR, FACTOR * self.p99)


class StepNorms(NamedTuple):
    """What is normal for a step and for its compensation; None where too little is known."""

    forward: Norm | None
    back: Norm | None


NOTHING = StepNorms(None, None)


def norm(saga_type: str, version: str, step: str) -> Norm | None:
    """What is normal for this step going forward; None where too little is known."""
    return norms(saga_type, version, [step]).get(step, NOTHING).forward


def norms(saga_type: str, version: str, steps: Collection[str] | None = None) -> dict[str, StepNorms]:
    """Likewise for several steps, or all, with their compensations; by step, in one query."""
    rows = StepNorm.objects.filter(saga_type=saga_type, version=version)
    if steps is not None:
        rows = rows.filter(step__in=steps)
    fields = ("samples", "p50", "p95", "p99", "back_samples", "back_p50", "back_p95", "back_p99")
    return {
        step: StepNorms(_enough(*figures[:4]), _enough(*figures[4:]))
        for step, *figures in rows.values_list("step", *fields)
    }


def _enough(samples: int, *quantiles: float | None) -> Norm | None:
    p50, p95, p99 = quantiles
    if samples < FEWEST or p50 is None or p95 is None or p99 is None:
        return None
    return Norm(samples, p50, p95, p99)
