"""One trial of a definition: what it has found so far, stopping it, and loading what was tried."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console import actors, addresses, trial_report, wording
from console.permissions import Act
from console.web import frame
from console.web.guard import needs
from sagas import trials
from sagas.definitions import DefinitionError
from sagas.models import Trial
from sagas.trials import ChangedError, FinishedError, NotTriedError


@require_safe
@needs(Act.VIEW)
def trial(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, _find(pk))


@require_POST
@needs(Act.MANAGE)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """303 back to the trial; 409 where it has ended meanwhile."""
    try:
        trials.cancel(_find(pk), actors.of(request))
    except FinishedError as error:
        return _page(request, _find(pk), status=409, refused=str(error))
    return HttpResponseRedirect(reverse("trial", args=[pk]), status=303)


@require_POST
@needs(Act.MANAGE)
def activate(request: HttpRequest, pk: int) -> HttpResponse:
    """303 to the definition; 422 unconfirmed; 409 where it is not what was tried, or its version is taken."""
    if not request.POST.get("sure"):
        refused = "Nothing was activated: say that you have looked at what it would find."
        return _page(request, _find(pk), status=422, refused=refused)
    try:
        loaded, adoption = trials.activate(_find(pk), request.POST.get("digest", ""), actors.of(request))
    except (NotTriedError, ChangedError) as error:
        return _page(request, _find(pk), status=409, refused=str(error))
    except DefinitionError as error:
        refused = "; ".join(complaint.message for complaint in error.complaints)
        return _page(request, _find(pk), status=409, refused=f"Nothing was activated: {refused}.")
    told = f"{loaded.row} is in force" if loaded.is_new else f"{loaded.row} was in force already"
    messages.success(request, f"{told}{wording.adopted(adoption)}.")
    return HttpResponseRedirect(addresses.definition(loaded.row.saga_type, loaded.row.version), status=303)


def _find(pk: int) -> Trial:
    """Raises Http404."""
    return get_object_or_404(Trial.objects.select_related("definition"), pk=pk)


def _page(request: HttpRequest, row: Trial, *, status: int = 200, **more: Any) -> HttpResponse:
    try:
        draft = trials.draft(row)
    except DefinitionError:
        # An older Amends took this text. The form tells what this one has against it.
        return HttpResponseRedirect(f"{reverse('trials')}?trial={row.pk}")
    found = trials.found(row)
    answer = frame.show(
        request,
        "trials/page.html",
        {
            "trial": row,
            "draft": draft,
            "report": trial_report.report(found, draft, row.of, is_done=row.state == Trial.State.DONE),
            "share": round(100 * row.looked_at / row.of) if row.of else 0,
            "loaded": trials.already_loaded(row),
            **more,
        },
    )
    answer.status_code = status
    return answer
