"""Events that could not be understood: why, what was sent, and trying again once the cause is mended."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console import actors
from console.permissions import Act
from console.seeing import Seeing
from console.web import foreign_types, frame, paging
from console.web.guard import needs
from sagas import quarantine
from sagas.events import Reason
from sagas.masking.text import tells_less
from sagas.models import ForeignType, Quarantined, Refusal

# Shown of a body; the rest is told by its length.
BODY_SHOWN = 64 * 1024
MADE_ROOM_SHOWN = 5
# Characters that cannot be seen, or turn the text around them: written as their codes.
UNSEEN = {code: f"\\x{code:02x}" for code in (*range(32), 127) if chr(code) not in "\t\n\r"} | {
    code: f"\\u{code:04x}"
    for code in (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    state = "replayed" if request.GET.get("state") == "replayed" else "open"
    reason = request.GET.get("reason", "").replace("\0", "")[:60]
    participant = request.GET.get("participant", "").replace("\0", "")[:200]
    foreign_type = chosen_type(request)
    found = Quarantined.objects.filter(state=state).select_related("participant").defer("body")
    if foreign_type:
        found = found.filter(foreign_type=foreign_type)
    is_narrowed = bool(reason or participant or foreign_type)
    if not is_narrowed:
        # They stand above the list, by type; one by one they would only hide what is wrong.
        found = found.exclude(reason=Reason.ORPHAN_EVENT)
    if reason:
        found = found.filter(reason=reason)
    if participant:
        found = found.filter(participant__name=participant)
    words = {
        "state": state if state != "open" else "",
        "type": str(foreign_type.pk) if foreign_type else "",
        "reason": reason,
        "participant": participant,
    }
    listed = paging.page(found, request.GET)
    return frame.show(
        request,
        "quarantine/list.html",
        {
            "page": listed,
            "rows": Seeing().quarantined_rows(listed.rows),
            "state": state,
            "reason": reason,
            "participant": participant,
            "reasons": [(word, link(words | {"reason": word})) for word in open_reasons()],
            "foreign_type": foreign_type,
            "is_narrowed": is_narrowed,
            "types": foreign_types.lines(),
            "made_room": [] if foreign_type else made_room(reason, participant),
            "kept": settings.REFUSED_EVENTS_KEPT,
            "query": link(words),
            "without_type": link(words | {"type": ""}),
            "without_reason": link(words | {"reason": ""}),
            "without_participant": link(words | {"participant": ""}),
        },
    )


def chosen_type(request: HttpRequest) -> ForeignType | None:
    pk = paging.number(request.GET.get("type"))
    return None if pk is None else ForeignType.objects.select_related("participant").filter(pk=pk).first()


def link(words: dict[str, str]) -> str:
    return urlencode({name: word for name, word in words.items() if word})


def open_reasons() -> list[str]:
    """Why events are in quarantine now, from its newest thousand."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT reason FROM (SELECT reason FROM sagas_quarantined WHERE state = 'open'"
            " ORDER BY id DESC LIMIT 1000) newest ORDER BY reason"
        )
        return [reason for (reason,) in cursor.fetchall()]


def made_room(reason: str, participant: str) -> list[Refusal]:
    """Of which reasons and participants there were more events than are kept, the most first."""
    found = Refusal.objects.filter(dropped__gt=0).select_related("participant")
    if reason:
        found = found.filter(reason=reason)
    if participant:
        found = found.filter(participant__name=participant)
    return list(found.order_by("-dropped", "pk")[:MADE_ROOM_SHOWN])


@require_safe
@needs(Act.VIEW)
def quarantined(request: HttpRequest, pk: int) -> HttpResponse:
    """One event: its bytes as they came, escaped, never as what they pretend to be."""
    return page(request, find(pk), Seeing())


def find(pk: int) -> Quarantined:
    """Raises Http404."""
    return get_object_or_404(Quarantined.objects.select_related("participant", "foreign_type"), pk=pk)


def page(request: HttpRequest, clear: Quarantined, seeing: Seeing) -> HttpResponse:
    kept = seeing.quarantined(clear)
    body, sent = bytes(kept.body), bytes(clear.body)
    return frame.show(
        request,
        "quarantine/page.html",
        {
            "kept": kept,
            "body": body[:BODY_SHOWN].decode("utf-8", "backslashreplace").translate(UNSEEN),
            "length": len(sent),
            "is_cut": len(body) > BODY_SHOWN,
            "is_masked": tells_less(body, sent) or kept.detail != clear.detail,
        },
    )


@require_POST
@needs(Act.REPLAY)
def replay(request: HttpRequest) -> HttpResponse:
    """Try the chosen events again, each with what its key could do."""
    ids = [pk for text in request.POST.getlist("id")[: paging.USUAL] if (pk := paging.number(text))]
    if not ids:
        messages.warning(request, "Choose events to replay.")
        return HttpResponseRedirect(back(request))
    replayed = quarantine.replay(ids, actors.of(request))
    tell = messages.success if replayed.taken else messages.warning
    tell(request, str(replayed))
    return HttpResponseRedirect(back(request))


def back(request: HttpRequest) -> str:
    """Where the button stood: the event's own page, or the list as it was narrowed."""
    one = paging.number(request.POST.get("page"))
    if one is not None:
        return reverse("quarantined", args=[one])
    query = QueryDict(request.POST.get("back", "")).urlencode()
    return f"{reverse('quarantine')}?{query}" if query else reverse("quarantine")
