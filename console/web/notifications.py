"""Alerts as notifications of the browser: the page that switches them on, and what pages fetch to show.

Pages hear of the topic `alerts` that there is something new (console.live), and fetch it from here.
"""

from datetime import datetime, timedelta
from operator import itemgetter
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from console.permissions import Act
from console.web import frame
from console.web.guard import needs
from sagas.alerts import delivery, registered
from sagas.alerts.channels.browser.sending import words
from sagas.models import Channel, Delivery

# What came while no page was open is old news after so long.
NEWS = timedelta(hours=1)
MOST = 20


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    reaching = [
        channel.name
        for channel in Channel.objects.filter(kind="browser", is_enabled=True).order_by("name")
        if {"", request.user.get_username()} & set(registered.targets(channel))
    ]
    return frame.show(request, "account/notifications.html", {"channels": reaching})


@require_safe
@needs(Act.VIEW)
def news(request: HttpRequest) -> JsonResponse:
    """What the viewer is to be shown that was delivered after `?after=`, oldest first, and until when.

    Without `after` nothing: what was before somebody switched them on is not shown.
    """
    now = timezone.now()
    after = _after(request.GET.get("after", ""), now)
    mine = Delivery.objects.select_related("alert__incident", "channel").filter(
        channel__kind="browser", target__in=["", request.user.get_username()], state=Delivery.State.SENT
    )
    newest = [(one.sent_at, one) for one in mine.order_by("-pk")[:MOST] if one.sent_at]
    newest = sorted(((at, one) for at, one in newest if at > after), key=itemgetter(0))
    until = newest[-1][0] if newest else after
    return JsonResponse({"news": [_said(one) for _, one in newest], "until": until.isoformat()})


def _after(text: str, now: datetime) -> datetime:
    try:
        after = parse_datetime(text)
    except ValueError:
        after = None
    if after is None or after.tzinfo is None:
        return now
    return min(max(after, now - NEWS), now)


def _said(one: Delivery) -> dict[str, str]:
    message = delivery.message_of(one)
    title, body = words(message)
    # A page only leads to its own console, by whatever name that is reached.
    path = urlsplit(message.link).path
    return {"thread": message.thread, "title": title, "body": body, "path": path or "/"}
