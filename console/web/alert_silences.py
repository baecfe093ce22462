"""Silences: what nobody is told of for a while; a preview of what one would hide before it is asked for."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from console import actors, search
from console.permissions import Act, may, refusal
from console.seeing import Seeing
from console.web import frame, match_form
from console.web.guard import needs
from console.web.match_form import FormError
from sagas.alerts import matching, silences
from sagas.alerts.silences import SilenceError
from sagas.models import AlertSilence, Problem

# Hours that the form offers.
HOURS = ((1, "an hour"), (4, "four hours"), (24, "a day"), (168, "a week"), (720, "thirty days"))
MOST = 50


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """All silences and the form. A POST asks for one: 303, or 422; `preview` only shows what it hides."""
    now = timezone.now()
    if request.method != "POST":
        return _page(request, request.GET)
    if "preview" not in request.POST:
        if not may(request.user, Act.HANDLE):
            raise PermissionDenied(refusal(Act.HANDLE))
        try:
            expires_at = now + timedelta(hours=_hours(request.POST))
            match = match_form.read(request.POST)
            silences.ask(match, request.POST.get("reason", ""), expires_at, actors.of(request), now)
        except (FormError, SilenceError) as error:
            return _page(request, request.POST, complaint=str(error))
        messages.success(request, "It is silent from now on.")
        return HttpResponseRedirect(reverse("silences"), status=HTTPStatus.SEE_OTHER)
    try:
        found = silences.preview(match_form.read(request.POST), now)
    except (FormError, SilenceError) as error:
        return _page(request, request.POST, complaint=str(error))
    hidden = Problem.objects.filter(pk__in=[one.pk for one in found.problems]).order_by("-pk")[:MOST]
    return _page(request, request.POST, hidden=Seeing().problems(hidden), earlier=found.alerts[:MOST])


@require_POST
@needs(Act.HANDLE)
def end(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(AlertSilence, pk=min(pk, search.LARGEST_KEY))
    silences.end(row, actors.of(request), timezone.now())
    return HttpResponseRedirect(reverse("silences"), status=HTTPStatus.SEE_OTHER)


def _hours(given: QueryDict) -> int:
    """Raises `FormError`."""
    hours = match_form.whole(given.get("hours") or "0", "For how long")
    if hours not in dict(HOURS):
        raise FormError("Say for how long.")
    return hours


def _page(request: HttpRequest, given: QueryDict, **more: Any) -> HttpResponse:
    now = timezone.now()
    rows = [(row, matching.read(row.match)) for row in AlertSilence.objects.order_by("-pk")[:MOST]]
    values = {
        "in_force": [one for one in rows if one[0].ended_at is None and one[0].expires_at > now],
        "over": [one for one in rows if one[0].ended_at is not None or one[0].expires_at <= now],
        "given": match_form.retyped(given),
        "reason": given.get("reason", ""),
        "hours": given.get("hours", "4"),
        "hour_choices": HOURS,
        **match_form.choices(),
    }
    response = frame.show(request, "routing/silences.html", values | more)
    response.status_code = 422 if more.get("complaint") else 200
    return response
