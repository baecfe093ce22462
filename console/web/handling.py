"""Seeing to a problem that people were told of: signed in, or by a link in a message."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from console import actors, search
from console.permissions import Act, may
from console.seeing import Seeing
from console.web.guard import needs
from sagas.alerts import acts, knowing, signing
from sagas.alerts.acts import ActError
from sagas.alerts.signing import Link, LinkError
from sagas.audit import Actor
from sagas.models import Incident, Problem
from sagas.vocabulary import Role

BUTTONS = ("acknowledge", "snooze", "assign", "resume")

# What a problem can be put off for: what the form sends, and what it says.
GROWN = "grown"
SNOOZES = (
    ("1", "for an hour"),
    ("4", "for four hours"),
    ("24", "for a day"),
    ("168", "for a week"),
    (GROWN, "until it has grown"),
)
MOST_PEOPLE = 200


@dataclass(frozen=True)
class Handled:
    """How people see to a problem; `incident` is None where nobody was told of it."""

    incident: Incident | None
    people: list[str]
    others: int  # problems that are told of in the same thread
    next: datetime | None = None  # when the next step of a route is taken
    snoozes = SNOOZES

    @property
    def is_open(self) -> bool:
        return self.incident is not None and self.incident.over_at is None


def of(problem: Problem) -> Handled:
    incident = acts.incident_of(problem)
    if incident is None:
        return Handled(None, [], 0)
    people = User.objects.filter(is_active=True, groups__name__in=list(Role)).distinct().order_by("username")
    others = incident.memberships.exclude(problem=problem).count()
    names = list(people.values_list("username", flat=True)[:MOST_PEOPLE])
    return Handled(incident, names, others, incident.escalations.aggregate(at=Min("next_at"))["at"])


@require_POST
@needs(Act.HANDLE)
def press(request: HttpRequest, pk: int, button: str) -> HttpResponse:
    """303 to the problem; a message says where it could not be done."""
    problem = get_object_or_404(Problem, pk=min(pk, search.LARGEST_KEY))
    incident = acts.incident_of(problem)
    try:
        if incident is None:
            raise ActError("Nobody was told of it, so there is nothing to see to yet.")
        _do(button, incident, request, actors.of(request), timezone.now())
    except ActError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("problem", args=[problem.pk]), status=HTTPStatus.SEE_OTHER)


def _do(button: str, incident: Incident, request: HttpRequest, by: Actor, now: datetime) -> None:
    match button:
        case "acknowledge":
            acts.acknowledge(incident.pk, by, now)
        case "snooze":
            acts.snooze(incident.pk, until(request.POST.get("for", ""), now), by, now)
        case "assign":
            to = request.POST.get("to", "")
            if to and not User.objects.filter(username=to, is_active=True).exists():
                raise ActError("There is nobody of that name.")
            acts.assign(incident.pk, to, by, now)
        case _:
            acts.resume(incident.pk, by, now)


def until(given: str, now: datetime) -> datetime | None:
    """Hours, or None for until it has grown. Raises `ActError`."""
    if given == GROWN:
        return None
    if given not in dict(SNOOZES):
        raise ActError("Say until when it is put off.")
    return now + timedelta(hours=int(given))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """The page that a signed link leads to; only its buttons act."""
    try:
        link = signing.read(token)
    except LinkError as error:
        return _link_page(request, {"complaint": str(error)}, HTTPStatus.NOT_FOUND)
    incident = Incident.objects.filter(pk=link.incident).first()
    if incident is None:
        complaint = "What this link was about is not known any more."
        return _link_page(request, {"complaint": complaint}, HTTPStatus.NOT_FOUND)
    complaint, status = "", HTTPStatus.OK
    if request.method == "POST":
        signed_in = may(request.user, Act.HANDLE)
        by = actors.of(request) if signed_in else _holder(link, request)
        button = "snooze" if "for" in request.POST else "acknowledge"
        try:
            _do(button, incident, request, by, timezone.now())
            incident.refresh_from_db()
        except ActError as error:
            complaint, status = str(error), HTTPStatus.CONFLICT
    group = knowing.group_of(incident)
    problems = Problem.objects.filter(pk__in=[one.pk for one in group.open_members or group.members])
    values = {
        "incident": incident,
        "problems": Seeing().problems(problems.order_by("-open_count")[:20]),
        "complaint": complaint,
        "done": request.method == "POST" and not complaint,
        "snoozes": SNOOZES,
        "puts_off": "put-off" in request.GET,
    }
    return _link_page(request, values, status)


def _holder(link: Link, request: HttpRequest) -> Actor:
    return Actor(
        "system", f"{link.sent_to[: signing.LONGEST_NAME]} (by link)", request.META.get("REMOTE_ADDR")
    )


def _link_page(request: HttpRequest, values: dict[str, object], status: int) -> HttpResponse:
    # The address is the secret. By SECURE_REFERRER_POLICY no other site is told of it; a stricter one would
    # have browsers send the form without an origin, and it would be refused.
    return render(request, "handling/link.html", values, status=status)
