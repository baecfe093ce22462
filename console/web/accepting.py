"""Accepting and withdrawing: a page that says what it would change, asks why, and has the button."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from console import actors, addresses, search
from console.permissions import Act
from console.seeing import Seeing
from console.web import frame, paging, saga_records
from console.web import saga as saga_page
from console.web.guard import needs
from console.web.problem_lines import at_stake, first_findings, in_words
from sagas import acceptance
from sagas.acceptance import AcceptanceError, ReasonMissingError
from sagas.models import Finding, Problem

METHODS = ["GET", "HEAD", "POST"]


@require_http_methods(METHODS)
def finding(request: HttpRequest, saga_type: str, saga_id: str, pk: int) -> HttpResponseBase:
    return (_accept if request.method == "POST" else _look)(request, saga_type, saga_id, pk)


@require_http_methods(METHODS)
def withdraw(request: HttpRequest, saga_type: str, saga_id: str, pk: int) -> HttpResponseBase:
    return (_withdraw if request.method == "POST" else _look_back)(request, saga_type, saga_id, pk)


@require_http_methods(METHODS)
def problem(request: HttpRequest, pk: int) -> HttpResponseBase:
    return (_accept_all if request.method == "POST" else _look_at_all)(request, pk)


@needs(Act.VIEW)
def _look(request: HttpRequest, saga_type: str, saga_id: str, pk: int) -> HttpResponse:
    return _page(request, _find(saga_type, saga_id, pk))


@needs(Act.ACCEPT)
def _accept(request: HttpRequest, saga_type: str, saga_id: str, pk: int) -> HttpResponse:
    """303 to the saga's findings; 400 without a reason; 409 where it is not what was looked at."""
    found = _find(saga_type, saga_id, pk)
    reason, seen = request.POST.get("reason", ""), request.POST.get("digest", "")
    try:
        acceptance.accept(found, actors.of(request), reason, seen)
    except AcceptanceError as error:
        return _page(request, _find(saga_type, saga_id, pk), error, reason=reason)
    return _back(found)


@needs(Act.VIEW)
def _look_back(request: HttpRequest, saga_type: str, saga_id: str, pk: int) -> HttpResponse:
    return _page(request, _find(saga_type, saga_id, pk), is_withdrawal=True)


@needs(Act.ACCEPT)
def _withdraw(request: HttpRequest, saga_type: str, saga_id: str, pk: int) -> HttpResponse:
    """303 to the saga's findings; 409 where it is accepted no more."""
    found = _find(saga_type, saga_id, pk)
    reason = request.POST.get("reason", "")
    try:
        acceptance.withdraw(found, actors.of(request), reason)
    except AcceptanceError as error:
        return _page(request, _find(saga_type, saga_id, pk), error, reason=reason, is_withdrawal=True)
    return _back(found)


@needs(Act.VIEW)
def _look_at_all(request: HttpRequest, pk: int) -> HttpResponse:
    return _page_of_all(request, _find_problem(pk))


@needs(Act.ACCEPT)
def _accept_all(request: HttpRequest, pk: int) -> HttpResponse:
    """303 to the problem; 400 without a reason or the number confirmed; 409 where that has changed."""
    row = _find_problem(pk)
    reason, seen = request.POST.get("reason", ""), request.POST.get("digest", "")
    count = paging.number(request.POST.get("count"))
    if count is None:
        return _page_of_all(request, row, reason=reason, is_unconfirmed=True)
    try:
        accepted = acceptance.accept_all(row, actors.of(request), reason, count, seen)
    except AcceptanceError as error:
        return _page_of_all(request, _find_problem(pk), error, reason=reason)
    messages.info(request, str(accepted))
    return HttpResponseRedirect(reverse("problem", args=[pk]), status=HTTPStatus.SEE_OTHER)


def _find(saga_type: str, saga_id: str, pk: int) -> Finding:
    """Raises Http404."""
    saga = saga_page.find(saga_type, saga_id)
    found = saga.findings.select_related("problem", "saga").defer("saga__facts")
    return get_object_or_404(found, pk=min(pk, search.LARGEST_KEY))


def _find_problem(pk: int) -> Problem:
    """Raises Http404."""
    return get_object_or_404(Problem, pk=min(pk, search.LARGEST_KEY))


def _back(found: Finding) -> HttpResponse:
    page = addresses.saga(found.saga.saga_type, found.saga.saga_id)
    return HttpResponseRedirect(f"{page}?tab=findings#finding-{found.pk}", status=HTTPStatus.SEE_OTHER)


def _page(
    request: HttpRequest,
    found: Finding,
    error: AcceptanceError | None = None,
    *,
    reason: str = "",
    is_withdrawal: bool = False,
) -> HttpResponse:
    (proof,) = saga_records.proofs(Seeing().findings([found]))
    values = {
        "proof": proof,
        "finding": proof.finding,
        "saga": found.saga,
        "digest": acceptance.of_finding(found),
        "is_withdrawal": is_withdrawal,
    }
    return _shown(request, "accepting/finding.html", values, error, reason)


def _page_of_all(
    request: HttpRequest,
    row: Problem,
    error: AcceptanceError | None = None,
    *,
    reason: str = "",
    is_unconfirmed: bool = False,
) -> HttpResponse:
    findings = first_findings(row.pk)
    values = {
        "problem": Seeing().problem(row),
        "findings": findings,
        "more": max(0, row.open_count - len(findings)),
        "at_stake": in_words(at_stake([row.pk])[row.pk]),
        "digest": acceptance.of_problem(row),
        "is_unconfirmed": is_unconfirmed,
    }
    answer = _shown(request, "accepting/problem.html", values, error, reason)
    if is_unconfirmed:
        answer.status_code = HTTPStatus.BAD_REQUEST
    return answer


def _shown(
    request: HttpRequest, template: str, values: dict[str, Any], error: AcceptanceError | None, reason: str
) -> HttpResponse:
    """What was typed is kept, whatever was wrong."""
    lacks_reason = isinstance(error, ReasonMissingError)
    more = {
        "reason": reason,
        "longest": acceptance.LONGEST,
        "reason_error": str(error) if lacks_reason else "",
        "refused": "" if lacks_reason or error is None else str(error),
    }
    answer = frame.show(request, template, values | more)
    if error is not None:
        answer.status_code = HTTPStatus.BAD_REQUEST if lacks_reason else HTTPStatus.CONFLICT
    return answer
