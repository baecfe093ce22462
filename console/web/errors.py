"""Pages for what went wrong: they say what happened, who could, and where to go on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403; the exception's text says who could."""
    return render(request, "errors/403.html", {"refusal": str(exception)}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/404.html", {"path": request.path}, status=404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/400.html", status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """500. Asks the database nothing, as that may be what failed."""
    return render(None, "errors/500.html", status=500)  # type: ignore[arg-type]


def too_many(request: HttpRequest) -> HttpResponse:
    """429: too many tries to sign in."""
    return render(request, "errors/429.html", status=429)


def no_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without its CSRF token: mostly a page that stood open over a sign-in."""
    return render(request, "errors/csrf.html", status=403)
