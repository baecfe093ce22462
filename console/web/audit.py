"""The audit log: who did what to what, when, why and from where; and whether its chain holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.views.decorators.http import require_POST, require_safe

from console import audit_search
from console.audit_search import Search
from console.models import AuditExport
from console.permissions import Act
from console.seeing import Seeing
from console.web import frame, paging
from console.web.guard import needs
from sagas import audit
from sagas.models import AuditAnchor, AuditEntry, AuditHead

LONGEST = 200
FILTERS = ("actor", "action", "object", "saga", "reason", "since", "until")
# A longer chain is verified on the server: a page must answer in seconds.
VERIFIABLE = 200_000


# Exports that the page shows.
EXPORTS = 10


@dataclass(frozen=True)
class Line:
    entry: AuditEntry
    is_intact: bool


@require_safe
@needs(Act.AUDIT)
def show(request: HttpRequest) -> HttpResponse:
    asked = read(request.GET)
    found = audit_search.find(search(asked)).select_related("saga").defer("saga__facts")
    page = paging.page(found, request.GET, key="sequence")
    exports = recent_exports()
    return frame.show(
        request,
        "audit/list.html",
        {
            "asked": asked,
            "is_filtered": any(asked.values()),
            "lines": checked(page.rows),
            "page": page,
            "head": AuditHead.objects.first(),
            "anchor": AuditAnchor.objects.first(),
            "exports": exports,
            "is_exporting": any(export.is_at_work for export in exports),
        },
    )


def recent_exports() -> list[AuditExport]:
    """The newest first; all of the last day, unless they are very many."""
    return list(AuditExport.objects.order_by("-pk")[:EXPORTS])


def read(query: QueryDict) -> dict[str, str]:
    """What the form asks for, as it is written there."""
    return {name: query.get(name, "").replace("\0", "").strip()[:LONGEST] for name in FILTERS}


def search(asked: dict[str, str]) -> Search:
    """Words match from their beginning; `object` is "kind" or "kind:id", `saga` an id or "type/id"."""
    object_kind, _, object_id = asked["object"].partition(":")
    saga_type, slash, saga_id = asked["saga"].partition("/")
    until = moment(asked["until"])
    step = timedelta(minutes=1) if "T" in asked["until"] else timedelta(days=1)
    return Search(
        actor=asked["actor"],
        action=asked["action"],
        object_kind=object_kind,
        object_id=object_id,
        saga_type=saga_type if slash else "",
        saga_id=saga_id if slash else saga_type,
        reason=asked["reason"],
        since=moment(asked["since"]),
        until=until + step if until else None,
        is_beginning=True,
    )


def moment(text: str) -> datetime | None:
    """A date or time of a form, in the viewer's zone; None for what is neither, and for other ages."""
    try:
        day = parse_date(text)
        at = datetime(day.year, day.month, day.day) if day else parse_datetime(text)
    except ValueError:
        return None
    if at is None or not 1970 <= at.year < 9999:
        return None
    # In UTC, as PostgreSQL takes no zone that is further from it than 16 hours.
    return (timezone.make_aware(at) if timezone.is_naive(at) else at).astimezone(UTC)


def checked(rows: Sequence[AuditEntry]) -> list[Line]:
    """Each entry, and whether it is what its hashes were made of and is chained to its neighbour here."""
    before = {entry.sequence: entry.hash for entry in rows}
    return [
        Line(
            shown,
            audit.is_sound(entry)
            and before.get(entry.sequence - 1, entry.previous_hash) == entry.previous_hash,
        )
        for entry, shown in zip(rows, Seeing().entries(rows), strict=True)
    ]


@require_POST
@needs(Act.AUDIT)
def verify(request: HttpRequest) -> HttpResponse:
    """Follow the whole chain, now."""
    head = AuditHead.objects.first()
    is_long = head is not None and head.sequence > VERIFIABLE
    result = None if is_long else audit.verify()
    return frame.show(
        request,
        "audit/verified.html",
        {
            "broken": result if isinstance(result, audit.Broken) else None,
            "result": result,
            "head": head,
            "anchor": AuditAnchor.objects.first(),
            "is_long": is_long,
        },
        chain="audit/chain.html",
    )
