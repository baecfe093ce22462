"""What is normal: how long steps take and how they end, by saga type, version, step and day (UTC)."""

from sagas.learning.norms import Norm, norm, norms
from sagas.learning.reading import Day, days
from sagas.learning.sketch import Durations

__all__ = ["Day", "Durations", "Norm", "days", "norm", "norms"]
