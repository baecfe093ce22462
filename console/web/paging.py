"""Pages of a list by key, newest first: `before=<key>` goes back in time, `after=<key>` forward."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import QueryDict

from console import search

USUAL = 50
# What a query says about the page, and not about what is looked for.
OWN = {"before", "after", "shown"}


Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Page(Generic[Row]):
    rows: Sequence[Row]
    newer: str  # the query of the link; empty: there is none
    older: str
    is_first: bool


def page(found: QuerySet[Row], query: QueryDict, key: str = "pk", size: int = USUAL) -> Page[Row]:
    """One page of `found`; `key` is a whole number that grows with time."""
    before, after = number(query.get("before")), number(query.get("after"))
    if after is not None:
        rows = list(found.filter(**{f"{key}__gt": after}).order_by(key)[: size + 1])
        more_newer, more_older = len(rows) > size, True
        rows = rows[:size][::-1]
    else:
        if before is not None:
            found = found.filter(**{f"{key}__lt": before})
        rows = list(found.order_by(f"-{key}")[: size + 1])
        more_newer, more_older = before is not None, len(rows) > size
        rows = rows[:size]
    kept = {
        name: value for name, value in query.items() if name not in {"before", "after", "shown"} and value
    }
    return Page(
        rows,
        newer=urlencode(kept | {"after": key_of(rows[0], key)}) if rows and more_newer else "",
        older=urlencode(kept | {"before": key_of(rows[-1], key)}) if rows and more_older else "",
        is_first=not more_newer,
    )


def key_of(row: Model, key: str) -> Any:
    return getattr(row, key)


def number(text: str | None) -> int | None:
    """The key in a query; None for what is no key that the database could hold."""
    return search.key_of(text) if text else None
