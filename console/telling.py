"""Who was told of a problem, when, by which way, and what failed: read for pages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, Q

from sagas.models import Alert, Delivery, DeliveryAttempt, Membership

# Alerts of one problem are few; of all problems of a page no more are read.
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
        return list(dict.fromkeys(one.target or one.channel.name for one in newest))

    def _deliveries(self) -> list[Delivery]:
        return [one for alert in self.alerts for one in alert.deliveries.all()]


def told(problems: Iterable[int]) -> dict[int, Told]:
    """Per problem, in four queries; alerts of its incidents are its own, whichever problem they speak of."""
    tries = Prefetch("tries", DeliveryAttempt.objects.exclude(error="").order_by("pk"), to_attr="failures")
    deliveries = Prefetch(
        "deliveries",
        Delivery.objects.order_by("channel__name", "target")
        .select_related("channel")
        .prefetch_related(tries),
    )
    alerts: dict[int, list[Alert]] = {problem: [] for problem in problems}
    members: dict[int | None, list[int]] = {}
    for incident, problem in Membership.objects.filter(problem__in=alerts).values_list("incident", "problem"):
        members.setdefault(incident, []).append(problem)
    found = Alert.objects.filter(Q(incident__in=members) | Q(incident=None, problem__in=alerts))
    for alert in found.order_by("-pk").prefetch_related(deliveries)[:MOST]:
        own = [alert.problem_id] if alert.problem_id else []
        for problem in members.get(alert.incident_id, own):
            alerts[problem].append(alert)
    return {problem: Told(rows) for problem, rows in alerts.items()}
