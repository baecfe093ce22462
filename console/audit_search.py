"""Which audit entries match what a person or a program asked for: the one place for page, API and exports."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Self

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import QuerySet
from django.db.models.functions import Left

from sagas.models import AuditEntry, Saga
from sagas.models.audit import WORDS

# Characters of an object's id that its index holds.
INDEXED = 200


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; what is empty narrows nothing. `reason` are words of it."""

    actor: str = ""
    action: str = ""
    object_kind: str = ""
    object_id: str = ""
    saga_type: str = ""
    saga_id: str = ""
    reason: str = ""
    since: datetime | None = None  # and later
    until: datetime | None = None  # but earlier
    # Actor, action and id of the object need only begin so.
    is_beginning: bool = False

    @classmethod
    def load(cls, kept: dict[str, Any]) -> Self:
        """From what `dump` gave."""
        moments = {name: datetime.fromisoformat(kept[name]) for name in ("since", "until") if kept.get(name)}
        return cls(**{**kept, **moments})

    def dump(self) -> dict[str, Any]:
        """As JSON, without what is empty."""
        kept = {name: value for name, value in asdict(self).items() if value}
        return kept | {name: kept[name].isoformat() for name in ("since", "until") if name in kept}

    def __str__(self) -> str:
        """For people, and short: "actor ada, since 2026-01-02 03:04 UTC"."""
        told = []
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, datetime):
                value = f"{value:%Y-%m-%d %H:%M} UTC"
            if value and field.name != "is_beginning":
                told.append(f"{field.name.replace('_', ' ')} {value}")
        return ", ".join(told)


def find(search: Search) -> QuerySet[AuditEntry]:
    """The entries, in no order. Each of the usual ways to ask has an index (sagas.models.audit)."""
    found = AuditEntry.objects.all()
    match = "startswith" if search.is_beginning else "exact"
    if search.actor:
        found = found.filter(**{f"actor__{match}": search.actor})
    if search.action:
        found = found.filter(**{f"action__{match}": search.action})
    if search.object_kind:
        found = found.filter(object_kind=search.object_kind)
    if search.object_id:
        found = of_object(found, search.object_id, match)
    if search.saga_id:
        # By their numbers, as few sagas have one id: the planner takes them for many where it has to join.
        sagas = Saga.objects.filter(saga_id=search.saga_id)
        sagas = sagas.filter(saga_type=search.saga_type) if search.saga_type else sagas
        found = found.filter(saga__in=list(sagas.values_list("pk", flat=True)))
    elif search.saga_type:
        found = found.filter(saga__saga_type=search.saga_type)
    if search.reason:
        found = with_words(found, search.reason)
    if search.since:
        found = found.filter(at__gte=search.since)
    if search.until:
        found = found.filter(at__lt=search.until)
    return found


def of_object(found: QuerySet[AuditEntry], id: str, match: str = "exact") -> QuerySet[AuditEntry]:
    """By the part that is in the index, and by all of it."""
    start = found.alias(object_start=Left("object_id", INDEXED))
    return start.filter(**{f"object_start__{match}": id[:INDEXED], f"object_id__{match}": id})


def with_words(found: QuerySet[AuditEntry], words: str) -> QuerySet[AuditEntry]:
    """With all of these words in the reason; "in quotes" side by side, -without, or either."""
    query = SearchQuery(words, config=WORDS, search_type="websearch")
    return found.alias(words=SearchVector("reason", config=WORDS)).filter(words=query)
