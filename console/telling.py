"""Who was told of a problem, when, by which way, and what failed: read for pages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch

from sagas.models import Alert, Delivery, DeliveryAttempt

# Alerts of one problem are few (opened, worsened, resolved); of all problems of a page no more are read.
MOST = 1000


@dataclass(frozen=True)
class Told:
    """A problem's alerts, the newest first, with `deliveries` prefetched and in each its `failures`."""

    alerts: Sequence[Alert]

    @property
    def last(self) -> datetime | None:
        """When somebody was last reached."""
        return max((one.sent_at for one in self._deliveries() if one.sent_at), default=None)

    @property
    def state(self) -> str:
        """How telling of the newest alert goes: sent, pending, failed; empty where nobody is to be told."""
        states = [one.state for one in self.alerts[0].deliveries.all()] if self.alerts else []
        worst = (Delivery.State.FAILED, Delivery.State.PENDING, Delivery.State.SENT)
        return next((state.value for state in worst if state in states), "")

    @property
    def names(self) -> list[str]:
        """Whom the newest alert was for, each once."""
        newest = self.alerts[0].deliveries.all() if self.alerts else []
        return list(dict.fromkeys(one.target for one in newest))

    def _deliveries(self) -> list[Delivery]:
        return [one for alert in self.alerts for one in alert.deliveries.all()]


def told(problems: Iterable[int]) -> dict[int, Told]:
    """Per problem, in three queries."""
    tries = Prefetch("tries", DeliveryAttempt.objects.exclude(error="").order_by("pk"), to_attr="failures")
    deliveries = Prefetch(
        "deliveries", Delivery.objects.order_by("channel", "target").prefetch_related(tries)
    )
    alerts: dict[int, list[Alert]] = {problem: [] for problem in problems}
    for alert in Alert.objects.filter(problem__in=alerts).order_by("-pk").prefetch_related(deliveries)[:MOST]:
        alerts[alert.problem_id].append(alert)
    return {problem: Told(rows) for problem, rows in alerts.items()}
