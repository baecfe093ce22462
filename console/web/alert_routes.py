"""Alerts, set up: the routes in their order and the channels; and the editor of a route."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console import actors
from console.permissions import Act, may, refusal
from console.web import frame, match_form
from console.web.guard import needs
from console.web.match_form import FormError
from sagas.alerts import registered, routes, setup, silences
from sagas.alerts.channels import KINDS, OFFERED
from sagas.alerts.channels.kind import Kind
from sagas.alerts.routing import Route, Step
from sagas.alerts.setup import SetupError
from sagas.definitions.fields import Seconds
from sagas.models import Channel
from sagas.models import Route as Row

# Rows for steps in the form.
STEPS = 5


@dataclass(frozen=True)
class Line:
    """A channel in the list."""

    channel: Channel
    kind: Kind
    targets: list[str]


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    in_force = routes.in_force()
    now = timezone.now()
    values = {
        "routes": in_force.routes,
        "default": in_force.default,
        "is_built_in": in_force.default is routes.BUILT_IN,
        "lines": lines(),
        "kinds": list(OFFERED.values()),
        "silences": silences.in_force(now),
    }
    return frame.show(request, "routing/overview.html", values)


def lines() -> list[Line]:
    """All channels; those that the settings name also before anything was sent there."""
    registered.usable(registered.BUILT_IN)
    rows = registered.routable().order_by("-is_enabled", "is_built_in", "name")
    return [Line(row, KINDS[row.kind], registered.targets(row)) for row in rows]


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Act.VIEW)
def edit(request: HttpRequest, name: str = "") -> HttpResponse:
    """The editor of a route, or of a new one. A POST saves: 303 to the list, 422 where it cannot be."""
    route = _find(name)
    if request.method != "POST":
        return _page(request, name, _typed(route), "")
    if not may(request.user, Act.ROUTE):
        raise PermissionDenied(refusal(Act.ROUTE))
    try:
        read = _read(request.POST, name)
        setup.save_route(read, actors.of(request), was=name)
    except (FormError, SetupError) as error:
        return _page(request, name, _retyped(request.POST), str(error))
    messages.success(request, f"The route “{read.name}” is in force.")
    return HttpResponseRedirect(reverse("alerts"), status=HTTPStatus.SEE_OTHER)


@require_POST
@needs(Act.ROUTE)
def move(request: HttpRequest, name: str) -> HttpResponse:
    setup.move_route(name, actors.of(request), up=request.POST.get("to") != "down")
    return HttpResponseRedirect(reverse("alerts"), status=HTTPStatus.SEE_OTHER)


@require_POST
@needs(Act.ROUTE)
def remove(request: HttpRequest, name: str) -> HttpResponse:
    if setup.remove_route(name, actors.of(request)):
        messages.success(request, f"The route “{name}” was removed. What is under way by it goes on.")
    return HttpResponseRedirect(reverse("alerts"), status=HTTPStatus.SEE_OTHER)


def _find(name: str) -> Route:
    """The route as it is; for a new one what the form begins with. Raises Http404."""
    in_force = routes.in_force()
    if not name:
        return Route(name="")
    if name == setup.DEFAULT:
        return in_force.default
    for route in in_force.routes:
        if route.name == name:
            return route
    raise Http404


def _read(given: QueryDict, name: str) -> Route:
    """Raises `FormError`."""
    is_default = name == setup.DEFAULT
    steps = []
    for place in range(STEPS):
        channels = tuple(given.getlist(f"channels-{place}"))
        if channels:
            after = _duration(given.get(f"after-{place}", ""), f"Step {place + 1}")
            steps.append(Step(channels, after))
    content = {
        "name": name if is_default else given.get("name", "").strip(),
        "match": msgspec.to_builtins(match_form.read(given)) if not is_default else {},
        "repeats": match_form.whole(given.get("repeats") or "0", "Repeats"),
        "zone": given.get("zone", "").strip() or "UTC",
        "go_on": given.get("go_on") == "on",
        "is_enabled": is_default or given.get("is_enabled") == "on",
    }
    try:
        route = msgspec.convert(content, Route)
    except msgspec.ValidationError as error:
        raise FormError(f"{error}.") from None
    repeat_after = _duration(given.get("repeat_after", ""), "Repeat after") or Seconds(900)
    return msgspec.structs.replace(route, steps=tuple(steps), repeat_after=repeat_after)


def _duration(text: str, what: str) -> Seconds:
    if not text.strip():
        return Seconds(0)
    try:
        return Seconds.read(text.strip())
    except ValueError as error:
        raise FormError(f"{what}: {error}.") from None


def _typed(route: Route) -> dict[str, Any]:
    steps = [(_written(step.after), list(step.channels)) for step in route.steps]
    return {
        **match_form.typed(route.match),
        "name": route.name,
        "steps": steps + [("", [])] * (STEPS - len(steps)),
        "repeats": route.repeats,
        "repeat_after": _written(route.repeat_after),
        "zone": route.zone,
        "go_on": route.go_on,
        "is_enabled": route.is_enabled,
    }


def _written(seconds: float) -> str:
    """As a definition would have it: `10m`; empty: at once."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s" if seconds else ""


def _retyped(given: QueryDict) -> dict[str, Any]:
    return {
        **match_form.retyped(given),
        "steps": [
            (given.get(f"after-{place}", ""), given.getlist(f"channels-{place}")) for place in range(STEPS)
        ],
        **{name: given.get(name, "") for name in ("name", "repeats", "repeat_after", "zone")},
        "go_on": given.get("go_on") == "on",
        "is_enabled": given.get("is_enabled") == "on",
    }


def _page(request: HttpRequest, name: str, given: dict[str, Any], complaint: str) -> HttpResponse:
    values = {
        "name": name,
        "given": given,
        "complaint": complaint,
        "is_default": name == setup.DEFAULT,
        "is_kept": Row.objects.filter(name=name).exists(),
        "channels": [line.channel.name for line in lines()],
        **match_form.choices(),
    }
    response = frame.show(request, "routing/route.html", values)
    response.status_code = 422 if complaint else 200
    return response
