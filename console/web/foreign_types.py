"""Types that none of ours are: what is kept of each, and replaying all of it once a mapping takes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console import actors
from console.permissions import Act
from console.web import frame
from console.web.guard import needs
from sagas import foreign_types, ingest, replays
from sagas.models import AuditEntry, ForeignType, Replay

# Types shown, those with the most events first.
MOST = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One type of one participant, which mappings are about it now, and the replay that runs."""

    row: ForeignType
    mapped_by: Sequence[str]  # saga types
    replay: Replay | None


def lines() -> list[Line]:
    rows = foreign_types.kept(MOST)
    if not rows:
        return []
    mappings = ingest.in_force()
    running = Replay.objects.filter(state=Replay.State.RUNNING, foreign_type__in=rows)
    by_type = {replay.foreign_type_id: replay for replay in running}
    return [
        Line(row, list(mappings.about(row.type)) if row.type else [], by_type.get(row.pk)) for row in rows
    ]


@require_POST
@needs(Act.REPLAY)
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Have all that is kept of a type read again; 303 to where that can be followed."""
    started = replays.ask(get_object_or_404(ForeignType, pk=pk), actors.of(request))
    if started is None:
        messages.warning(request, "No event of this type waits any more.")
        return HttpResponseRedirect(reverse("quarantine"), status=303)
    return HttpResponseRedirect(reverse("replay", args=[started.pk]), status=303)


@require_safe
@needs(Act.VIEW)
def show_replay(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it has come, and what became of the events."""
    found = get_object_or_404(Replay.objects.select_related("foreign_type__participant"), pk=pk)
    read = found.taken + found.refused
    return frame.show(
        request,
        "quarantine/replay.html",
        {
            "replay": found,
            "type": found.foreign_type,
            "read": read,
            "share": 100 if found.finished_at else round(100 * read / max(found.total, 1)),
            "gone": replays.gone(found),
            "entries": AuditEntry.objects.filter(object_kind="replay", object_id=str(found.pk)),
            "audit_object": f"replay:{found.pk}",
        },
    )
