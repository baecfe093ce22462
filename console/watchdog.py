"""The dead man's switch: somebody outside is told now and then that all is well, and acts when that ends.

An Amends that is down, or blind, cannot say so itself. What is told is a GET of WATCHDOG_URL, as
healthchecks.io, Dead Man's Snitch, Uptime Kuma or the paging service of the house take it.
"""

import structlog
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from console import vitals
from sagas import heartbeats
from sagas.alerts.channels.calling import call
from sagas.alerts.channels.kind import DeliveryError, Destination

log = structlog.get_logger()

HEARTBEAT = "watchdog"


def tell() -> bool:
    """Tell WATCHDOG_URL that all is well, if it is and it is time; whether it was told."""
    if not settings.WATCHDOG_URL:
        return False
    # Of several workers one tells. A little less than the whole, as the next task may come a little early.
    if not cache.add("watchdog", "told", settings.WATCHDOG_EVERY - 1):
        return False
    unwell = [vital for vital in vitals.look() if not vital.ok and vital.sign.name != HEARTBEAT]
    if unwell:
        log.warning("watchdog: not told, as not all is well", because=[vital.why for vital in unwell])
        return False
    # Its address is a secret: whoever knows it can say that all is well.
    there = Destination("watchdog", {}, secrets=(settings.WATCHDOG_URL,))
    try:
        call(there, settings.WATCHDOG_URL, method="GET")
    except DeliveryError as error:
        log.warning("watchdog: was not told", error=str(error))
        return False
    heartbeats.beat(HEARTBEAT, timezone.now())
    return True
