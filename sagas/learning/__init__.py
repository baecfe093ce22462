"""What is normal: how long steps take and how they end, by saga type, version, step and day (UTC)."""

from sagas.learning.memory import known, refresh
from sagas.learning.normal import Norm, StepNorms, norm, norms
from sagas.learning.reading import Day, days
from sagas.learning.sketch import Durations

__all__ = ["Day", "Durations", "Norm", "StepNorms", "days", "known", "norm", "norms", "refresh"]
