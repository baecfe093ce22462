"""Participants: where they are, with which keys they report, what Amends signs with, how they are doing."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from compensation import paces
from compensation.models import Pace
from compensation.paces import PaceError
from console import actors, addresses, search
from console.permissions import Act, may, refusal
from console.web import frame
from console.web.guard import needs
from sagas import participants, story
from sagas.detection.silence.reading import Heard, heard, with_voices
from sagas.detection.silence.rhythm import FEWEST
from sagas.models import AuditEntry, Definition, Participant, ParticipantKey, Problem, Quarantined
from sagas.participants import ParticipantError
from sagas.vocabulary import Severity

# Participants are the services of one company: hundreds, not more.
MOST = 1000
NEWEST_QUARANTINED = 10_000
AUDIT_SHOWN = 8
SILENCES_SHOWN = 10
# How it is judged whether it is silent.
LEARNED, DECLARED, NEVER = "learned", "declared", "never"


@dataclass(frozen=True)
class Line:
    participant: Participant
    keys: int  # in force
    heard: Heard
    quarantined: int
    problems: int  # open


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """All participants; a POST adds one."""
    given, complaint = QueryDict(), ""
    if request.method == "POST":
        if not may(request.user, Act.MANAGE):
            raise PermissionDenied(refusal(Act.MANAGE))
        given = request.POST
        try:
            made = participants.create(
                given.get("name", "").strip(),
                actors.of(request),
                base_url=given.get("base_url", "").strip(),
                owner=given.get("owner", "").strip(),
            )
        except ParticipantError as error:
            complaint = str(error)
        else:
            messages.success(request, f"{made.name} was added. It needs a key to report with.")
            return HttpResponseRedirect(addresses.participant(made.name))
    values = {"lines": lines(), "complaint": complaint, "given": given, "most": MOST}
    response = frame.show(request, "participants/list.html", values)
    response.status_code = 422 if complaint else 200
    return response


def lines() -> list[Line]:
    in_force = Count("keys", filter=Q(keys__revoked_at=None))
    rows = with_voices(Participant.objects.annotate(in_force=in_force)).order_by("name")
    newest = Quarantined.objects.filter(state=Quarantined.State.OPEN).order_by("-pk")
    kept = Counter(newest.values_list("participant", flat=True)[:NEWEST_QUARANTINED])
    open_problems = Problem.objects.filter(closed_at=None).exclude(severity=Severity.NOTE).order_by()
    problems = dict(open_problems.values_list("participant").annotate(Count("pk")))
    return [
        Line(row, row.in_force, heard(row), kept[row.pk], problems.get(row.name, 0)) for row in rows[:MOST]
    ]


@require_safe
@needs(Act.VIEW)
def participant(request: HttpRequest, name: str) -> HttpResponse:
    return page(request, find(name))


def find(name: str) -> Participant:
    """Raises Http404."""
    return get_object_or_404(with_voices(Participant.objects.all()), name=name)


def page(request: HttpRequest, row: Participant, status: int = 200, **more: Any) -> HttpResponse:
    """The page of a participant; `more`: what was refused, or a secret, which is shown this once."""
    keys = list(row.keys.order_by("revoked_at", "-pk")[:MOST])
    newest = Quarantined.objects.filter(state=Quarantined.State.OPEN, participant=row).order_by("-pk")
    history = AuditEntry.objects.filter(object_kind="participant", object_id=row.name)
    values = {
        "participant": row,
        "keys": keys,
        "in_force": sum(1 for key in keys if key.revoked_at is None),
        "heard": heard(row),
        "rhythm": rhythm(row),
        "fewest": FEWEST,
        "silences": row.silences.order_by("-opened_at")[:SILENCES_SHOWN],
        "quarantined": newest.values("pk")[:NEWEST_QUARANTINED].count(),
        "problems": Problem.objects.filter(closed_at=None, participant=row.name).order_by("-open_count")[:50],
        "steps": steps_of(row.name),
        "types": search.types(),
        "history": history.order_by("-sequence")[:AUDIT_SHOWN],
        "history_of": f"participant:{row.name}",
        "base_url": row.base_url,
        "owner": row.owner,
        "plain": row.plain_json or {},
        **declared(row),
        **paced(row),
    }
    response = frame.show(request, "participants/page.html", values | more)
    response.status_code = status
    return response


def steps_of(name: str) -> list[tuple[Definition, list[dict[str, Any]]]]:
    """What the newest version of each definition gives this participant to do."""
    newest = Definition.objects.order_by("saga_type", "-pk").distinct("saga_type").defer("source")
    found = []
    for row in newest:
        mine = [step for step in row.body.get("steps", []) if step.get("participant") == name]
        if mine:
            found.append((row, mine))
    return found


@require_POST
@needs(Act.MANAGE)
def change(request: HttpRequest, name: str) -> HttpResponse:
    row = find(name)
    given = {field: request.POST.get(field, "").strip() for field in ("base_url", "owner")}
    try:
        participants.change(row, actors.of(request), base_url=given["base_url"], owner=given["owner"])
    except ParticipantError as error:
        return page(request, row, 422, complaint=str(error), **given)
    messages.success(request, "Changed.")
    return HttpResponseRedirect(addresses.participant(row.name))


@require_POST
@needs(Act.MANAGE)
def choose_pace(request: HttpRequest, name: str) -> HttpResponse:
    """How many calls of a repair of many sagas it gets at a time, and a second."""
    row = find(name)
    given = {field: request.POST.get(field, "").strip() for field in ("at_once", "per_second")}
    try:
        at_once, per_second = paces.read(**given)
    except PaceError as error:
        return page(request, row, 422, pace_complaint=str(error), **given)
    paces.choose(row, actors.of(request), at_once, per_second)
    messages.success(request, "Changed. The next runner of a batch keeps to it.")
    return HttpResponseRedirect(addresses.participant(row.name))


def paced(row: Participant) -> dict[str, Any]:
    """What the form of its pace holds."""
    pace = Pace.objects.filter(participant=row).first()
    if pace is None:
        return {"at_once": paces.USUAL, "per_second": ""}
    return {
        "at_once": pace.at_once,
        "per_second": "" if pace.per_second is None else f"{pace.per_second:g}",
    }


def rhythm(row: Participant) -> str:
    """normally it speaks every 4 s; empty where nothing is known."""
    known = heard(row)
    if row.speaks_every is None and known.usual is None:
        return ""
    detail = {"declared": row.speaks_every is not None, "patience": row.speaks_every, "usual": known.usual}
    return story.rhythm(detail)


def declared(row: Participant) -> dict[str, str]:
    """What the form of its silence holds."""
    if row.may_be_silent:
        return {"judged": NEVER, "interval": ""}
    if row.speaks_every is None:
        return {"judged": LEARNED, "interval": ""}
    return {"judged": DECLARED, "interval": participants.write_interval(row.speaks_every)}


@require_POST
@needs(Act.MANAGE)
def declare(request: HttpRequest, name: str) -> HttpResponse:
    """After what time its silence is told: as learned, as given here, or never."""
    row = find(name)
    given = {field: request.POST.get(field, "").strip() for field in ("judged", "interval")}
    try:
        every = participants.read_interval(given["interval"]) if given["judged"] == DECLARED else None
        may_be_silent = given["judged"] == NEVER
        participants.change(row, actors.of(request), speaks_every=every, may_be_silent=may_be_silent)
    except ParticipantError as error:
        return page(request, row, 422, silence_complaint=str(error), **given)
    messages.success(request, "Changed. The next sweep judges by it.")
    return HttpResponseRedirect(addresses.participant(row.name))


@require_POST
@needs(Act.MANAGE)
def choose_plain_json(request: HttpRequest, name: str) -> HttpResponse:
    """How its plain JSON is read; nothing filled in: not at all."""
    row = find(name)
    given = {field: request.POST.get(field, "").strip() for field in ("type", "source", "id", "time")}
    try:
        participants.choose_plain_json(row, actors.of(request), given if any(given.values()) else None)
    except ParticipantError as error:
        return page(request, row, 422, plain_complaint=str(error), plain=given)
    messages.success(request, "Changed.")
    return HttpResponseRedirect(addresses.participant(row.name))


@require_POST
@needs(Act.MANAGE)
def issue_key(request: HttpRequest, name: str) -> HttpResponse:
    """Make a key and show it, this once."""
    row = find(name)
    wanted = {word.strip() for word in request.POST.get("saga_types", "").split(",")} - {""}
    try:
        secret = participants.issue_key(row, wanted, actors.of(request))
    except ParticipantError as error:
        return page(request, row, 422, key_complaint=str(error))
    return page(request, row, secret=secret, secret_kind="key")  # noqa: S106 (a word, no password)


@require_POST
@needs(Act.MANAGE)
def revoke_key(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    key = get_object_or_404(
        ParticipantKey.objects.select_related("participant"), pk=pk, participant__name=name
    )
    if participants.revoke(key, actors.of(request)):
        messages.success(request, f"The key {key.prefix}… opens nothing any more.")
    return HttpResponseRedirect(addresses.participant(name))


@require_POST
@needs(Act.MANAGE)
def rotate_secret(request: HttpRequest, name: str) -> HttpResponse:
    """Make a new signing secret and show it, this once; from now on every request is signed with it."""
    row = find(name)
    secret = participants.issue_signing_secret(row, actors.of(request))
    return page(request, row, secret=secret, secret_kind="signing secret")  # noqa: S106 (a word, no password)
