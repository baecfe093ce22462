"""What each saga type is said to be: its versions, steps as a graph, what became of them, and the YAML."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from console import search, tallies, wording
from console.permissions import Act
from console.web import agreement, definition_changes, frame, graphs, step_days
from console.web.guard import needs
from sagas import foreign_types
from sagas.definitions import loading
from sagas.models import Definition

# Definitions listed; a type has a version for each change of its process.
MOST = 1000
# Versions whose sagas are counted.
COUNTED = 50


@dataclass(frozen=True)
class Line:
    """A saga type with its newest version and all of them, the newest first."""

    saga_type: str
    newest: Definition
    versions: list[Definition]
    running: str
    unwell: str


@dataclass(frozen=True)
class Version:
    """`sagas`: how many it has, in words; empty where nobody counted."""

    row: Definition
    sagas: str


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """Every saga type with its versions, the types that nobody has described, and the default policy."""
    described = lines()
    known = {line.saga_type for line in described}
    undescribed = tallies.seen(saga_type for saga_type in search.types() if saga_type not in known)
    return frame.show(
        request,
        "definitions/list.html",
        {"lines": described, "undescribed": undescribed, **agreement.of_default()},
    )


def lines() -> list[Line]:
    newest = Definition.objects.order_by("saga_type", "-pk").distinct("saga_type").defer("source")[:MOST]
    by_type = {row.saga_type: row for row in newest}
    rows = Definition.objects.order_by("saga_type", "-pk").defer("source", "body")[:MOST]
    running, unwell = tallies.open_sagas(), tallies.unwell()
    return [
        Line(saga_type, by_type[saga_type], list(versions), running.of(saga_type), unwell.of(saga_type))
        for saga_type, versions in groupby(rows, lambda row: row.saga_type)
    ]


@require_safe
@needs(Act.VIEW)
def definition(request: HttpRequest, saga_type: str, version: str) -> HttpResponse:
    """`?with=` another version: what changed between the two; `?step=`: one step by day."""
    row = get_object_or_404(
        Definition.objects.select_related("adoption"), saga_type=saga_type, version=version
    )
    versions = list(
        Definition.objects.filter(saga_type=saga_type).order_by("-pk").defer("source", "body")[:MOST]
    )
    if "with" in request.GET:
        return _changes(request, row, versions, request.GET["with"])
    said = loading.by_key(row.pk)
    return frame.show(
        request,
        "definitions/page.html",
        {
            "row": row,
            "definition": said,
            "waiting": foreign_types.waiting_for(row),
            "graph": graphs.of(said),
            "versions": counted(versions),
            "before": _before(row, versions),
            "is_newest": row.pk == max(each.pk for each in versions),
            "shown": [
                (name, [paths] if isinstance(paths, str) else paths) for name, paths in said.display.items()
            ],
            **agreement.of(said),
            **step_days.read(said, request.GET.get("step", "")),
        },
        days="definitions/days.html",
    )


def counted(versions: Sequence[Definition]) -> list[Version]:
    counts = tallies.of_versions([row.pk for row in versions[:COUNTED]])
    return [Version(row, _sagas(counts[row.pk]) if row.pk in counts else "") for row in versions]


def _sagas(count: int) -> str:
    return "1 saga" if count == 1 else f"{wording.capped(count, tallies.CAP)} sagas"


def _before(row: Definition, versions: Sequence[Definition]) -> Definition | None:
    """The version that was the newest before this one was loaded."""
    return next((each for each in versions if each.pk < row.pk), None)


def _changes(
    request: HttpRequest, row: Definition, versions: Sequence[Definition], version: str
) -> HttpResponse:
    other = next((each for each in versions if each.version == version), None)
    if other is None:
        raise Http404(f"{row.saga_type} has no version {version}.")
    old, new = sorted([row, other], key=lambda each: each.pk)
    values: dict[str, Any] = {"row": row, "versions": counted(versions), "other": other}
    return frame.show(request, "definitions/changes.html", values | definition_changes.read(old, new))
