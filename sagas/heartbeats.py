"""When a periodic job last finished: read by /readyz, /metrics and the pages that must not look too calm."""

from datetime import datetime

from sagas.models import Heartbeat


def beat(name: str, now: datetime) -> None:
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, at=now)], update_conflicts=True, unique_fields=["name"], update_fields=["at"]
    )
