"""The dead man's switch: somebody outside is told now and then that all is well, and acts when that ends.

An Amends that is down, or blind, cannot say so itself. What is told is a GET of WATCHDOG_URL, as
healthchecks.io, Dead Man's Snitch, Uptime Kuma or the paging service of the house take it.
"""

import httpx
import structlog
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from console import vitals
from sagas import heartbeats

log = structlog.get_logger()

HEARTBEAT = "watchdog"
# Seconds for the whole call.
LONGEST = 10.0
TAKEN = range(200, 300)


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
    try:
        # trust_env would let .netrc add credentials and the environment send it through a proxy.
        with httpx.Client(timeout=LONGEST, trust_env=False, follow_redirects=False) as client:
            status = client.get(settings.WATCHDOG_URL, headers={"user-agent": "Amends"}).status_code
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        # Without the address, which may be a secret by itself.
        log.warning("watchdog: could not be told", error=type(error).__name__)
        return False
    if status not in TAKEN:
        log.warning("watchdog: did not take it", status=status)
        return False
    heartbeats.beat(HEARTBEAT, timezone.now())
    return True
