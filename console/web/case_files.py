"""The buttons that make a case file and hand it over, on the pages of a saga, a repair and a batch."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from console import casefiles
from console.permissions import Act
from console.web import batches
from console.web import repair as repair_page
from console.web import saga as saga_page
from console.web.guard import needs


@require_POST
@needs(Act.AUDIT)
def saga(request: HttpRequest, saga_type: str, saga_id: str) -> HttpResponse:
    return casefiles.of_saga(request, saga_page.find(saga_type, saga_id), unmasked=_unmasked(request))


@require_POST
@needs(Act.AUDIT)
def repair(request: HttpRequest, pk: int) -> HttpResponse:
    return casefiles.of_repair(request, repair_page.find(pk), unmasked=_unmasked(request))


@require_POST
@needs(Act.AUDIT)
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    return casefiles.of_batch(request, batches.find(pk), unmasked=_unmasked(request))


def _unmasked(request: HttpRequest) -> bool:
    """By which of the two buttons."""
    return bool(request.POST.get("unmask"))
