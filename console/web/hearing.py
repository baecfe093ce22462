"""What a person hears of: the sagas, problems and types that they watch, their quiet hours and digest."""

from datetime import time
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from console import addresses, search
from console.permissions import Act, signed_in
from console.web import frame
from console.web import saga as saga_page
from console.web.guard import needs
from sagas.alerts.people import choosing
from sagas.alerts.people.choosing import ChoiceError
from sagas.models import Preferences, Problem, Watch
from sagas.vocabulary import Severity

TIMES = ("quiet_from", "quiet_until", "digest_at")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """The page; a POST says how they want to be told."""
    if request.method != "POST":
        return _page(request)
    given = {
        name: request.POST.get(name, "").replace("\0", "").strip()[:254]
        for name in ("mail", "zone", "loud_from", *TIMES)
    }
    try:
        clocks = {name: _clock(given[name], name) for name in TIMES}
        choosing.prefer(
            signed_in(request),
            mail=given["mail"],
            zone=given["zone"],
            loud_from=given["loud_from"],
            now=timezone.now(),
            **clocks,
        )
    except ChoiceError as error:
        return _page(request, 422, given=given, complaint=str(error), wrong=error.field)
    messages.success(request, "Kept.")
    return HttpResponseRedirect(reverse("hearing"))


def _page(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    user = signed_in(request)
    known = Preferences.objects.filter(user=user).first()
    here = timezone.get_current_timezone_name()
    given = {
        "mail": known.mail if known else user.email,
        "zone": known.zone if known else here,
        "loud_from": known.loud_from if known else Severity.CRITICAL.value,
        **{name: _written(getattr(known, name, None)) for name in TIMES},
    }
    watches = Watch.objects.filter(user=user).select_related("saga", "problem").defer("saga__facts")
    values = {
        "given": given,
        "severities": list(Severity),
        "watches": watches.order_by("-pk"),
        "types": search.types(),
        "digest_next": known.digest_next if known else None,
        "is_told": bool(known and known.mail),
    }
    response = frame.show(request, "account/hearing.html", values | more)
    response.status_code = status
    return response


def _clock(text: str, field: str) -> time | None:
    """`07:30`; None for nothing. Raises ChoiceError."""
    if not text:
        return None
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise ChoiceError("Give a time as 07:30, or leave it empty.", field) from None


def _written(clock: time | None) -> str:
    return f"{clock:%H:%M}" if clock else ""


@require_POST
@needs(Act.VIEW)
def watch_saga(request: HttpRequest, saga_type: str, saga_id: str) -> HttpResponse:
    saga = saga_page.find(saga_type, saga_id)
    return _watched(
        request,
        addresses.saga(saga_type, saga_id),
        lambda: choosing.watch_saga(signed_in(request), saga, timezone.now()),
    )


@require_POST
@needs(Act.VIEW)
def watch_problem(request: HttpRequest, pk: int) -> HttpResponse:
    problem = get_object_or_404(Problem, pk=pk)
    return _watched(
        request,
        reverse("problem", args=[pk]),
        lambda: choosing.watch_problem(signed_in(request), problem, timezone.now()),
    )


@require_POST
@needs(Act.VIEW)
def watch_type(request: HttpRequest) -> HttpResponse:
    saga_type = request.POST.get("saga_type", "").replace("\0", "").strip()
    return _watched(
        request,
        reverse("hearing"),
        lambda: choosing.watch_type(signed_in(request), saga_type, timezone.now()),
    )


@require_POST
@needs(Act.VIEW)
def unwatch(request: HttpRequest, pk: int) -> HttpResponse:
    if not choosing.unwatch(signed_in(request), pk):
        raise Http404
    messages.success(request, "You do not watch it any more.")
    return HttpResponseRedirect(reverse("hearing"))


def _watched(request: HttpRequest, back: str, watch: Any) -> HttpResponse:
    try:
        watch()
    except ChoiceError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(back)
    is_told = Preferences.objects.filter(user=signed_in(request)).exclude(mail="").exists()
    if is_told:
        messages.success(request, "You watch it, and hear of it by e-mail.")
    else:
        messages.warning(
            request, "You watch it, but hear nothing: name an e-mail address under What you hear of."
        )
    return HttpResponseRedirect(back)
