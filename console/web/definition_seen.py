"""A definition written from what was seen of a saga type: to be read, to be downloaded, to be compared."""

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from console.permissions import Act
from console.web import frame, graphs
from console.web.guard import needs
from sagas import definitions, describing
from sagas.definitions import comparing, loading
from sagas.models import Definition

# Letters of a file's name that no system takes for anything else.
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    written = _written(request)
    said = definitions.parse(written.text, "seen.yaml")
    newest = Definition.objects.filter(saga_type=said.type).defer("source", "body").order_by("-pk").first()
    changes = comparing.compare(loading.by_key(newest.pk), said) if newest else []
    return frame.show(
        request,
        "definitions/seen.html",
        {
            "saga_type": said.type,
            "written": written,
            "graph": graphs.of(said),
            "newest": newest,
            "changes": changes,
            "words": comparing.changed_names(changes) if newest else {},
            "optional": sum(not step.required for step in said.steps),
            "never_undone": sum(not step.undone for step in written.seen.steps),
        },
    )


@require_safe
@needs(Act.VIEW)
def download(request: HttpRequest) -> HttpResponse:
    written = _written(request)
    name = UNSAFE.sub("-", written.seen.saga_type).strip("-.")[:80] or "definition"
    return HttpResponse(
        written.text,
        content_type="text/yaml; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.yaml"'},
    )


def _written(request: HttpRequest) -> describing.Description:
    saga_type = request.GET.get("type", "").replace("\0", "")
    written = describing.describe(saga_type)
    if written is None:
        raise Http404("No saga of this type has been heard of.")
    return written
