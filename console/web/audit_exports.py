"""Exports of the audit log: asking for one, cancelling it, and its file."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from console import actors, exports
from console.exports import FinishedError, NoFileError, TooManyError
from console.models import AuditExport
from console.permissions import Act
from console.web import audit, frame
from console.web.guard import needs


@require_POST
@needs(Act.AUDIT)
def ask(request: HttpRequest) -> HttpResponse:
    """303 back to the search that is exported; 409 while too many wait; 422 for no format that there is."""
    asked = audit.read(request.POST)
    format = request.POST.get("format", "")
    if format not in AuditExport.Format:
        return _refused(request, "Choose CSV or JSON lines.", 422)
    try:
        export = exports.ask(audit.search(asked), format, actors.of(request))
    except TooManyError as error:
        return _refused(request, str(error), 409)
    messages.success(request, f"{export} is being written. It goes on when you leave this page.")
    query = urlencode({name: value for name, value in asked.items() if value})
    return HttpResponseRedirect(f"{reverse('audit')}{'?' if query else ''}{query}#exports", status=303)


@require_POST
@needs(Act.AUDIT)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """303 back to the log; 409 where it has ended meanwhile."""
    try:
        exports.cancel(get_object_or_404(AuditExport, pk=pk), actors.of(request))
    except FinishedError as error:
        return _refused(request, str(error), 409)
    return HttpResponseRedirect(f"{reverse('audit')}#exports", status=303)


@require_safe
@needs(Act.AUDIT)
def download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """409 before it is whole, and where its file is on another machine."""
    try:
        return exports.answer(get_object_or_404(AuditExport, pk=pk))
    except NoFileError as error:
        return _refused(request, str(error), 409)


def _refused(request: HttpRequest, why: str, status: int) -> HttpResponse:
    page = frame.show(request, "audit/refused.html", {"refused": why, "exports": audit.recent_exports()})
    page.status_code = status
    return page
