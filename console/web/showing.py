"""Show what is masked, by a press of a button: each press stands in the audit log ("payload.unmasked")."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from console import seeing
from console.permissions import Act
from console.web import frame, quarantine, repair, repair_plan, saga_events
from console.web import saga as saga_page
from console.web.guard import needs
from sagas.models import Event


@require_POST
@needs(Act.SEE_PAYLOAD)
def event(request: HttpRequest, saga_type: str, saga_id: str) -> HttpResponse:
    """One event of a saga, known by the `source` and `id` that are posted."""
    saga = saga_page.find(saga_type, saga_id)
    source, name = (request.POST.get(word, "").replace("\0", "") for word in ("source", "id"))
    found = get_object_or_404(Event.objects.filter(saga=saga), source=source, event_id=name)
    clear = seeing.unmask(
        request, ("saga", str(saga)), saga=saga, after={"event": {"source": source, "id": name}}
    )
    line = saga_events.alone(clear.event(saga.saga_type, found))
    values = {"saga": saga, "line": line, "is_shown": True}
    return frame.show(request, "saga/shown.html", values, **{f"shown-{line.anchor}": "saga/payload.html"})


@require_POST
@needs(Act.SEE_PAYLOAD)
def plan(request: HttpRequest, saga_type: str, saga_id: str) -> HttpResponse:
    """A repair before it is started: the requests to the letter."""
    saga, form = saga_page.find(saga_type, saga_id), repair_plan.form_of(request.POST)
    after = {"plan": {"intent": form.intent, "step": form.step}}
    clear = seeing.unmask(request, ("saga", str(saga)), saga=saga, after=after)
    return repair_plan.preview(request, saga, form, clear)


@require_POST
@needs(Act.SEE_PAYLOAD)
def actions(request: HttpRequest, pk: int) -> HttpResponse:
    """The requests of a repair, and what was answered."""
    row = repair.find(pk)
    clear = seeing.unmask(request, ("repair", str(row)), saga=row.saga)
    return repair.page(request, row, clear)


@require_POST
@needs(Act.SEE_PAYLOAD)
def body(request: HttpRequest, pk: int) -> HttpResponse:
    """An event in quarantine."""
    row = quarantine.find(pk)
    clear = seeing.unmask(request, ("quarantined", str(row.pk)), saga=None)
    return quarantine.page(request, row, clear)
