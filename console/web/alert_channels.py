"""A channel: its form by the fields of its kind, a test, and what was sent there last, with what was said."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from console import actors
from console.permissions import Act, may, refusal
from console.web import frame, match_form
from console.web.guard import needs
from console.web.match_form import FormError
from sagas import secrets
from sagas.alerts import registered, setup, trying
from sagas.alerts.channels import KINDS, OFFERED
from sagas.alerts.channels.fields import ConfigError
from sagas.alerts.channels.kind import MANY, SECRETS, Kind
from sagas.alerts.routes import in_force
from sagas.alerts.setup import SetupError
from sagas.models import Channel, Delivery

DELIVERIES = 20


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Act.VIEW)
def new(request: HttpRequest) -> HttpResponse:
    """The form of a new channel of `?kind=`. A POST makes it: 303 to its page, 422 where it cannot be."""
    kind = OFFERED.get(request.GET.get("kind", ""), next(iter(OFFERED.values())))
    values = {"kind": kind, "kinds": list(OFFERED.values()), "per_minute": kind.per_minute}
    if request.method != "POST":
        return frame.show(request, "routing/channel_new.html", values | {"fields": _fields(kind, {})})
    return _save(request, kind, None, "routing/channel_new.html", values)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Act.VIEW)
def show(request: HttpRequest, name: str) -> HttpResponse:
    """A POST changes it."""
    row = find(name)
    if request.method == "POST":
        return _save(request, KINDS[row.kind], row, "routing/channel.html", {})
    return frame.show(request, "routing/channel.html", _values(row))


@require_POST
@needs(Act.ROUTE)
def test(request: HttpRequest, name: str) -> HttpResponse:
    """Send a test now, and say how it went; 303 to the channel, where request and answer stand."""
    row = find(name)
    sent = trying.send_test(row, request.user.get_username(), timezone.now())
    failed = [one for one in sent if one.state != Delivery.State.SENT]
    if not sent:
        messages.error(request, "The channel reaches nobody, so nothing was sent.")
    elif failed:
        error = failed[0].tries.last()
        messages.error(request, f"It was not taken. {error.error if error else ''}")
    else:
        messages.success(request, "It was taken. See whether it has arrived.")
    return HttpResponseRedirect(reverse("channel", args=[name]), status=HTTPStatus.SEE_OTHER)


@require_POST
@needs(Act.ROUTE)
def remove(request: HttpRequest, name: str) -> HttpResponse:
    """303 to all channels; back to its own page where it cannot be removed."""
    try:
        if setup.remove_channel(name, actors.of(request), timezone.now()):
            messages.success(request, f"The channel “{name}” was removed.")
    except SetupError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("channel", args=[name]), status=HTTPStatus.SEE_OTHER)
    return HttpResponseRedirect(reverse("alerts"), status=HTTPStatus.SEE_OTHER)


def find(name: str) -> Channel:
    """Raises Http404. Those that the settings name are there before anything was sent."""
    registered.usable([name])
    return get_object_or_404(registered.routable(), name=name)


def _save(
    request: HttpRequest, kind: Kind, row: Channel | None, page: str, values: dict[str, Any]
) -> HttpResponse:
    if not may(request.user, Act.ROUTE):
        raise PermissionDenied(refusal(Act.ROUTE))
    given = request.POST
    complaints: dict[str, str] = {}
    try:
        saved = setup.save_channel(
            row.name if row else given.get("name", "").strip(),
            kind.name,
            given,
            actors.of(request),
            per_minute=match_form.whole(given.get("per_minute") or "0", "Messages a minute"),
            is_enabled=row is None or given.get("is_enabled") == "on",
            is_new=row is None,
        )
    except ConfigError as error:
        complaints = error.complaints
    except (SetupError, FormError) as error:
        complaints = {"": str(error)}
    else:
        messages.success(
            request, f"The channel “{saved.name}” is kept. Send a test to see whether it arrives."
        )
        return HttpResponseRedirect(reverse("channel", args=[saved.name]), status=HTTPStatus.SEE_OTHER)
    shown = (_values(row) if row else values) | {
        "fields": _fields(kind, {}, given, complaints),
        "complaint": complaints.get("", ""),
        "name": given.get("name", ""),
        "per_minute": given.get("per_minute", ""),
    }
    response = frame.show(request, page, shown)
    response.status_code = 422
    return response


def _fields(
    kind: Kind,
    config: dict[str, Any],
    given: QueryDict | None = None,
    complaints: dict[str, str] | None = None,
) -> list[dict[str, Any]]:
    """The fields as they are drawn; a secret is never given back, only that there is one."""
    found = []
    for field in kind.fields:
        value = given.get(field.name, "") if given is not None else config.get(field.name, field.default)
        is_secret = field.type in SECRETS
        found.append(
            {
                "field": field,
                "value": "" if is_secret else "\n".join(value) if isinstance(value, tuple) else value,
                "is_secret": is_secret,
                "is_kept": is_secret and bool(config.get(field.name)),
                "is_many": field.type in MANY,
                "complaint": (complaints or {}).get(field.name, ""),
            }
        )
    return found


def _values(row: Channel) -> dict[str, Any]:
    kind = KINDS[row.kind]
    try:
        config, unreadable = registered.config_of(row), ""
    except secrets.SecretUnreadableError as error:
        config, unreadable = {}, f"{error} Give it anew."
    sent = Delivery.objects.filter(channel=row).select_related("alert").prefetch_related("tries")
    return {
        "channel": row,
        "kind": kind,
        "fields": _fields(kind, config),
        "complaint": unreadable,
        "per_minute": row.per_minute,
        "targets": registered.targets(row),
        "deliveries": sent.order_by("-pk")[:DELIVERIES],
        "routes": [route.name for route in in_force().naming(row.name)],
    }
