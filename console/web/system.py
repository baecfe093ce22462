"""System: whether Amends itself is well, and what to do where it is not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from console import vitals
from console.permissions import Act
from console.vitals import Vital
from console.web import frame
from console.web.guard import needs
from sagas.models import Heartbeat


@dataclass(frozen=True, slots=True)
class Line:
    """A sign; `since`: the moment that its age is counted from; `count`: of messages."""

    vital: Vital
    since: datetime | None
    count: int | None


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    found = vitals.look()
    return frame.show(
        request,
        "system/page.html",
        {
            "lines": [_line(vital, now) for vital in found],
            "has_watchdog": bool(settings.WATCHDOG_URL),
            "unwell": [vital for vital in found if not vital.ok],
            "jobs": Heartbeat.objects.order_by("name"),
        },
        signs="system/signs.html",
    )


def _line(vital: Vital, now: datetime) -> Line:
    if vital.value is None:
        return Line(vital, None, None)
    if vital.sign.unit == "seconds":
        return Line(vital, now - timedelta(seconds=vital.value), None)
    return Line(vital, None, int(vital.value))
