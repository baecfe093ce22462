"""Case files as answers over HTTP, to be saved and never shown.

`unmasked`: with what is masked. That is kept in the audit log, and raises PermissionDenied for who may not.
"""

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from compensation.models import Batch, Repair
from console import actors
from console.casefiles import making
from console.casefiles.making import CaseFile
from console.seeing import Seeing, unmask
from sagas.models import Saga

TYPE = "application/zip"


def of_saga(request: HttpRequest | Request, saga: Saga, *, unmasked: bool) -> HttpResponse:
    seeing = _seeing(request, ("saga", str(saga)), saga, unmasked)
    return _answer(making.of_saga(saga, seeing, actors.of(request)))


def of_repair(request: HttpRequest | Request, repair: Repair, *, unmasked: bool) -> HttpResponse:
    seeing = _seeing(request, ("repair", str(repair)), repair.saga, unmasked)
    return _answer(making.of_repair(repair, seeing, actors.of(request)))


def of_batch(request: HttpRequest | Request, batch: Batch, *, unmasked: bool) -> HttpResponse:
    seeing = _seeing(request, ("batch", str(batch)), None, unmasked)
    return _answer(making.of_batch(batch, seeing, actors.of(request)))


def _seeing(
    request: HttpRequest | Request, about: tuple[str, str], saga: Saga | None, unmasked: bool
) -> Seeing:
    return unmask(request, about, saga=saga, after={"case_file": True}) if unmasked else Seeing()


def _answer(file: CaseFile) -> HttpResponse:
    return HttpResponse(
        file.content,
        content_type=TYPE,
        headers={"Content-Disposition": f'attachment; filename="{file.name}"', "Cache-Control": "no-store"},
    )
