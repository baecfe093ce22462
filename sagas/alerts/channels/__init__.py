"""The ways to reach people: one folder a kind."""

from sagas.alerts.channels.email import KIND as EMAIL
from sagas.alerts.channels.kind import Kind
from sagas.alerts.channels.webhook import KIND as WEBHOOK

KINDS: dict[str, Kind] = {kind.name: kind for kind in (EMAIL, WEBHOOK)}

__all__ = ["KINDS"]
