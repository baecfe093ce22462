"""A person's own API tokens: made, shown once, revoked."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from console import actors
from console import tokens as tokens_
from console.models import ApiToken
from console.permissions import Act
from console.web import frame
from console.web.guard import needs

MOST = 200


def no_password(request: HttpRequest) -> HttpResponse:
    """Where allauth sends who wants to change a password and has none: nobody may set the first one here."""
    raise PermissionDenied("This account has no password to change: it signs in by other means.")


def inactive(request: HttpRequest) -> HttpResponse:
    """Where allauth sends who signs in to an account that is switched off."""
    raise PermissionDenied("This account is switched off. An admin can switch it on again.")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Act.VIEW)
def tokens(request: HttpRequest) -> HttpResponse:
    """The list; a POST makes one more and answers with its secret, which is never shown again."""
    secret = tokens_.issue(request.user, actors.of(request)).secret if request.method == "POST" else ""  # type: ignore[arg-type]  # guarded: signed in
    mine = ApiToken.objects.filter(user=request.user.pk).order_by("-pk")[:MOST]
    return frame.show(request, "account/tokens.html", {"tokens": mine, "secret": secret})


@require_POST
@needs(Act.VIEW)
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.select_related("user"), pk=pk, user=request.user.pk)
    if tokens_.revoke(token, actors.of(request)):
        messages.success(request, f"The token {token.prefix}… opens nothing any more.")
    return HttpResponseRedirect(reverse("tokens"))
