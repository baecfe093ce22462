"""Answers where no view could give one: problem details under /api/, else a page (templates/404.html …)."""

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from console.api import problem_details


def _is_for_program(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_program(request):
        return problem_details.answer(400, "bad_request", "The request could not be understood.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_program(request):
        return problem_details.answer(403, "permission_denied", "You may not do this.")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_program(request):
        return problem_details.answer(404, "not_found", "There is nothing at this address. See /api/v1/docs.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if _is_for_program(request):
        return problem_details.answer(500, "server_error", "Something failed in Amends; its log tells what.")
    return defaults.server_error(request)
