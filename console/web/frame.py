"""What stands around every page: who is here, where, what needs attention; and which part to send."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import iscoroutinefunction
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from compensation.batches import agreeing
from console import permissions, wording
from sagas.events import Reason
from sagas.models import Quarantined, Saga
from sagas.vocabulary import Condition, Role

Handler = Callable[[HttpRequest], Any]

# The badge in the top bar counts no further, so that a bad night does not make every page slow.
BADGE_CAP = 1000


@dataclass(frozen=True)
class Section:
    """An entry of the top bar, and the names of the URLs that lie below it."""

    name: str
    label: str
    below: tuple[str, ...] = ()


PARTICIPANT = (
    "participant",
    "participant_change",
    "participant_key",
    "participant_pace",
    "participant_plain_json",
    "participant_secret",
)
ALERTS = (
    "route",
    "route_new",
    "alert_tester",
    "channel",
    "channel_new",
    "silences",
)
TRIALS = ("trials", "trial", "trial_cancel", "trial_activate", "trial_samples")
SECTIONS = [
    Section("attention", "Attention", ("problem", "problem_accept")),
    Section("sagas", "Sagas", ("saga", "saved_views", "finding_accept", "finding_withdraw", "event_show")),
    Section("repairs", "Repairs", ("repair", "repair_show", "batches", "batch", "batch_new")),
    Section("participants", "Participants", PARTICIPANT),
    Section("definitions", "Definitions", ("definition", "definition_seen", *TRIALS)),
    Section("alerts", "Alerts", ALERTS),
    Section("audit", "Audit", ("audit_export", "audit_export_cancel", "audit_export_file")),
    Section("quarantine", "Quarantine", ("quarantined", "quarantined_show", "replay")),
]


class Permits:
    """`may.repair` in a template: may the viewer do the act of that name; `may.roles`: what they are."""

    def __init__(self, request: HttpRequest) -> None:
        self._user = request.user

    @property
    def roles(self) -> list[Role]:
        mine = permissions.roles(self._user)
        return [role for role in Role if role in mine]

    def __getitem__(self, name: str) -> bool:
        return permissions.may(self._user, permissions.Act[name.upper()])


def unwell_count() -> str:
    """Sagas that are not healthy, for the badge; empty when there are none."""
    rows = Saga.objects.exclude(condition=Condition.HEALTHY).values("pk")[:BADGE_CAP]
    count = len(rows)
    return wording.capped(count, BADGE_CAP) if count else ""


def quarantined_count() -> str:
    """Events in quarantine that something is wrong with; orphans are only waiting for a mapping."""
    faulty = Quarantined.objects.filter(state=Quarantined.State.OPEN).exclude(reason=Reason.ORPHAN_EVENT)
    count = faulty.values("pk")[:BADGE_CAP].count()
    return wording.capped(count, BADGE_CAP) if count else ""


def agreement_count(request: HttpRequest) -> str:
    """Repairs that wait for the viewer to agree; empty when there are none."""
    count = len(agreeing.waiting_for(permissions.signed_in(request), BADGE_CAP))
    return wording.capped(count, BADGE_CAP) if count else ""


def context(request: HttpRequest) -> dict[str, Any]:
    """The template context of every page. The counts are asked for only where the top bar is drawn."""
    match = request.resolver_match
    here = match.url_name if match else None
    return {
        "sections": SECTIONS,
        "section": next((s.name for s in SECTIONS if here == s.name or here in s.below), ""),
        "may": Permits(request),
        "unwell_count": unwell_count,
        "quarantined_count": quarantined_count,
        "agreement_count": partial(agreement_count, request),
    }


def show(request: HttpRequest, page: str, values: dict[str, Any], **parts: str) -> HttpResponse:
    """The page; or, when htmx asks for one fragment of it by id, that fragment's template alone."""
    target = getattr(request, "htmx", None) and request.htmx.target  # type: ignore[attr-defined]
    return render(request, parts.get(target or "", page), values)


@sync_and_async_middleware
def viewer_zone(get_response: Handler) -> Handler:
    """Times are written in the zone of the browser, which amends.js leaves in a cookie; UTC until then."""

    def zone(request: HttpRequest) -> timezone.override:
        return timezone.override(zone_named(request.COOKIES.get("zone", "")))

    if iscoroutinefunction(get_response):

        async def respond_async(request: HttpRequest) -> HttpResponseBase:
            with zone(request):
                response: HttpResponseBase = await get_response(request)
                return response

        return respond_async

    def respond(request: HttpRequest) -> HttpResponseBase:
        with zone(request):
            response: HttpResponseBase = get_response(request)
            return response

    return respond


def zone_named(name: str) -> ZoneInfo | None:
    """The zone, or None (the server's own, UTC) when there is none of that name."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
