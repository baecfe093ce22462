"""Beat, leaving a heartbeat: a scheduler that has died is told from workers that have."""

import time
from typing import Any

import structlog
from celery.beat import Scheduler
from django.db import Error, connection
from django.utils import timezone

from sagas import heartbeats

log = structlog.get_logger()

HEARTBEAT = "beat"
# Seconds between two heartbeats.
EVERY = 5.0


class Beating(Scheduler):  # type: ignore[misc]  # it has no types
    """Celery's own scheduler; its loop leaves the heartbeat, so that one that hangs leaves none."""

    _next = 0.0

    def tick(self, *given: Any, **named: Any) -> Any:
        pause = super().tick(*given, **named)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            _leave()
        return pause


def _leave() -> None:
    """Where the database is away nothing is left, and beat goes on."""
    try:
        heartbeats.beat(HEARTBEAT, timezone.now())
    except Error as error:
        log.warning("beat: no heartbeat could be left", error=str(error))
        connection.close()
