"""What each saga type is said to be: its versions, steps, deadlines and compensations, and the YAML."""

from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from console import search
from console.permissions import Act
from console.web import frame
from console.web.guard import needs
from sagas import foreign_types
from sagas.definitions import loading
from sagas.models import Definition

# Definitions listed; a type has a version for each change of its process.
MOST = 1000


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """Every saga type with its versions, newest first, and the types that nobody has described."""
    rows = Definition.objects.order_by("saga_type", "-pk").defer("source")[:MOST]
    groups = [(saga_type, list(versions)) for saga_type, versions in groupby(rows, lambda row: row.saga_type)]
    described = {saga_type for saga_type, _ in groups}
    undescribed = [saga_type for saga_type in search.types() if saga_type not in described]
    return frame.show(request, "definitions/list.html", {"groups": groups, "undescribed": undescribed})


@require_safe
@needs(Act.VIEW)
def definition(request: HttpRequest, saga_type: str, version: str) -> HttpResponse:
    row = get_object_or_404(Definition, saga_type=saga_type, version=version)
    said = loading.by_key(row.pk)
    versions = list(
        Definition.objects.filter(saga_type=saga_type).order_by("-pk").defer("source", "body")[:MOST]
    )
    return frame.show(
        request,
        "definitions/page.html",
        {
            "row": row,
            "definition": said,
            "versions": versions,
            "waiting": foreign_types.waiting_for(row),
            "is_newest": row.pk == max(each.pk for each in versions),
            "shown": [
                (name, [paths] if isinstance(paths, str) else paths) for name, paths in said.display.items()
            ],
        },
    )
