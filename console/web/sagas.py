"""The list of sagas: found by id, key or value, narrowed by chips; the address is the view."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from console import looks, search, wording
from console.permissions import Act
from console.search import Asked
from console.seeing import Seeing, searchable
from console.web import frame, paging, saved_views
from console.web.guard import needs
from sagas.models import Problem, Saga, SagaKey
from sagas.vocabulary import Condition, Status

NEW_CAP = 1000
UNWELL = [word for word in reversed(Condition) if word != Condition.HEALTHY]


@dataclass(frozen=True)
class Chip:
    label: str
    query: str
    is_on: bool
    word: str = ""  # of looks.LOOKS, for its icon


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    asked = Asked.read(request.GET)
    hidden = searchable(request)
    found = search.sagas(asked, hidden)
    page = paging.page(_with_keys(found), request.GET)
    rows: Iterable[Saga] = page.rows
    shown = [pk for text in request.GET.get("shown", "").split(".") if (pk := paging.number(text))]
    if shown:
        # A live update of a page that is being read: its own rows and their order, whatever came since.
        rows = _with_keys(Saga.objects.filter(pk__in=shown[: paging.USUAL])).order_by("-pk")
    seeing = Seeing()
    rows = seeing.sagas(rows)
    newest = rows[0].pk if rows else 0
    count = search.count(found)
    return frame.show(
        request,
        "sagas/list.html",
        {
            "asked": asked,
            "rows": rows,
            "page": page,
            "count": wording.capped(count, search.COUNT_CAP),
            "total": count,
            "new_count": _new_since(found, newest) if shown and page.is_first else "",
            "conditions": [_chip(asked, "condition", word) for word in UNWELL],
            "statuses": [_chip(asked, "status", word) for word in Status],
            "types": _type_chips(asked),
            "problem": _problem(asked),
            "views": saved_views.offered(request, asked, seeing),
            "here": urlencode(asked.words),
            "live_from": _live_address(request, rows),
            "why_empty": "" if rows else _why_empty(asked, hidden),
        },
    )


def _with_keys(found: QuerySet[Saga]) -> QuerySet[Saga]:
    keys = Prefetch("keys", SagaKey.objects.filter(links=True).order_by("name", "value"), to_attr="links")
    return (
        found.select_related("definition")
        .defer("facts", "definition__source", "definition__body")
        .prefetch_related(keys)
    )


def _new_since(found: QuerySet[Saga], newest: int) -> str:
    count = found.filter(pk__gt=newest).order_by().values("pk")[:NEW_CAP].count()
    return wording.capped(count, NEW_CAP) if count else ""


def _live_address(request: HttpRequest, rows: list[Saga]) -> str:
    query = request.GET.copy()
    query["shown"] = ".".join(str(saga.pk) for saga in rows) or "0"
    return f"{reverse('sagas')}?{query.urlencode()}"


def _chip(asked: Asked, name: str, word: str) -> Chip:
    """Pressing a chip that is on takes it away."""
    is_on = getattr(asked, name) == word
    words = asked.without(name).words | ({} if is_on else {name: word})
    return Chip(looks.look(word).label, urlencode(words), is_on, word)


def _type_chips(asked: Asked) -> list[Chip]:
    return [
        Chip(each, urlencode(asked.words | {"type": each}), asked.type == each) for each in search.types()
    ]


def _problem(asked: Asked) -> Problem | None:
    number = paging.number(asked.problem)
    return Problem.objects.filter(pk=number).first() if number else None


def _why_empty(asked: Asked, hidden: Q | None) -> dict[str, Any]:
    """What was looked for and not found, and how many there would be without the chips."""
    if not asked.words:
        return {"nothing": True}
    wide = Asked(q=asked.q)
    others = search.count(search.sagas(wide, hidden)) if wide != asked else 0
    return {
        "q": asked.q,
        "words": [
            looks.look(word).label for name, word in asked.words.items() if name in {"status", "condition"}
        ],
        "type": asked.type,
        "problem": asked.problem,
        "left_by": asked.left_by,
        "others": wording.capped(others, search.COUNT_CAP) if others else "",
        "wide": urlencode(wide.words),
    }
