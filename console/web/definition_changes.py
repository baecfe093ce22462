"""Two versions of a definition side by side: what changed, both graphs, and both texts."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from console.web import graphs
from sagas.definitions import comparing, loading
from sagas.models import Definition

# Lines of both texts, without what they begin and end with alike; of more only the changes above are told.
MOST_LINES = 4000
# Unchanged lines shown around a change.
AROUND = 3


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of both texts side by side. Numbers from 1; None where that side has no such line."""

    kind: str  # same, changed, added, removed; skipped: `old` says how many lines are left out
    old_number: int | None
    old: str
    new_number: int | None
    new: str


def read(old: Definition, new: Definition) -> dict[str, Any]:
    """The template context."""
    before, after = loading.by_key(old.pk), loading.by_key(new.pk)
    changes = comparing.compare(before, after)
    words = comparing.changed_names(changes)
    return {
        "old": old,
        "new": new,
        "changes": changes,
        "old_graph": graphs.of(before),
        "new_graph": graphs.of(after),
        "old_words": {name: kind for name, kind in words.items() if kind != comparing.Kind.ADDED},
        "new_words": {name: kind for name, kind in words.items() if kind != comparing.Kind.REMOVED},
        "text": text_lines(old.source, new.source),
    }


def text_lines(old: str, new: str) -> list[TextLine] | None:
    """Both texts side by side, around what changed; empty where they are the same, None where too long."""
    before, after = old.splitlines(), new.splitlines()
    start = _alike(before, after)
    end = min(_alike(before[::-1], after[::-1]), len(before) - start, len(after) - start)
    inner_old, inner_new = before[start : len(before) - end], after[start : len(after) - end]
    if len(inner_old) + len(inner_new) > MOST_LINES:
        return None
    blocks = [
        (tag, a + start, b + start, c + start, d + start)
        for tag, a, b, c, d in SequenceMatcher(None, inner_old, inner_new).get_opcodes()
    ]
    if not inner_old and not inner_new:
        return []
    ends = ("equal", len(before) - end, len(before), len(after) - end, len(after))
    return list(_rows(before, after, [("equal", 0, start, 0, start), *blocks, ends]))


def _alike(one: list[str], other: list[str]) -> int:
    """How many lines both begin with."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def _rows(
    before: list[str], after: list[str], blocks: list[tuple[str, int, int, int, int]]
) -> Iterator[TextLine]:
    last = len(blocks) - 1
    for place, (tag, a, b, c, d) in enumerate(blocks):
        if tag == "equal":
            head = AROUND if place else 0
            tail = AROUND if place < last else 0
            if b - a > head + tail + 1:
                yield from _same(before, after, a, c, head)
                yield TextLine("skipped", None, f"{b - a - head - tail:,} lines are the same", None, "")
                yield from _same(before, after, b - tail, d - tail, tail)
            else:
                yield from _same(before, after, a, c, b - a)
            continue
        for offset in range(max(b - a, d - c)):
            is_old, is_new = a + offset < b, c + offset < d
            yield TextLine(
                "changed" if is_old and is_new else "removed" if is_old else "added",
                a + offset + 1 if is_old else None,
                before[a + offset] if is_old else "",
                c + offset + 1 if is_new else None,
                after[c + offset] if is_new else "",
            )


def _same(before: list[str], after: list[str], a: int, c: int, count: int) -> Iterator[TextLine]:
    for offset in range(count):
        yield TextLine("same", a + offset + 1, before[a + offset], c + offset + 1, after[c + offset])
