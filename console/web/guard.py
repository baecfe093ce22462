"""Who may see a page or press its buttons: permissions.py's table, put before views."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from console.permissions import Act, may, refusal

View = Callable[..., HttpResponseBase]


def needs(act: Act) -> Callable[[View], View]:
    """Let only people past who may do `act`.

    Others get 403 with a text that says who could; who is not signed in is sent to do so and then back.
    Pages are never kept by a browser or proxy: after signing out, Back shows nothing.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            if not may(request.user, act):
                raise PermissionDenied(refusal(act))
            return view(request, *args, **kwargs)

        return never_cache(guarded)

    return decorate


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and then back; a form that was posted goes back to the page that it stood on."""
    back = request.get_full_path() if request.method in {"GET", "HEAD"} else "/"
    address = f"{reverse('account_login')}?{urlencode({'next': back})}"
    if request.headers.get("HX-Request"):
        # A fragment must not be replaced by the sign-in page: the whole page goes there.
        return HttpResponse(status=401, headers={"HX-Redirect": f"{reverse('account_login')}"})
    return HttpResponseRedirect(address)
