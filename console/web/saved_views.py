"""Saved views: those that the list of sagas offers, and the page on which they are changed and removed."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from console import actors, looks, saved_views
from console.models import SavedView
from console.permissions import Act, signed_in
from console.saved_views import LONGEST_NAME, ViewError
from console.search import LARGEST_KEY, Asked
from console.seeing import Seeing
from console.web import frame
from console.web.guard import needs


@dataclass(frozen=True)
class Offered:
    """What the list of sagas offers; `current`: the view that it shows just now."""

    own: list[SavedView]
    others: list[SavedView]
    current: SavedView | None
    may_be_masked: bool  # what is searched for now, so that it cannot be shared


@dataclass(frozen=True)
class Line:
    view: SavedView
    says: str
    is_withheld: bool


def offered(request: HttpRequest, asked: Asked, seeing: Seeing) -> Offered:
    user = signed_in(request)
    seen = list(saved_views.seen_by(user, seeing))
    own = [view for view in seen if view.owner_id == user.pk]
    others = [view for view in seen if view.owner_id != user.pk]
    current = next((view for view in (*own, *others) if view.asked == asked), None)
    return Offered(own, others, current, bool(asked.q) and seeing.hides_searches())


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """All that they see. A POST keeps a new one: 303 to it; 403, or 422 with what is wrong."""
    if request.method != "POST":
        return _page(request)
    asked = Asked.read(request.POST)
    name, is_shared = _given(request)
    try:
        view = saved_views.save(signed_in(request), name, asked, is_shared=is_shared, by=actors.of(request))
    except ViewError as error:
        return _page(request, complaint=str(error), asked=asked, name=name, is_shared=is_shared)
    messages.success(request, f"The view “{view}” is kept.")
    return HttpResponseRedirect(f"{reverse('sagas')}?{view.address}", status=HTTPStatus.SEE_OTHER)


@require_POST
@needs(Act.VIEW)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """303 to all of them; 403, 404, or 422 with what is wrong."""
    name, is_shared = _given(request)
    try:
        saved_views.change(
            signed_in(request), min(pk, LARGEST_KEY), name, is_shared=is_shared, by=actors.of(request)
        )
    except SavedView.DoesNotExist:
        raise Http404("You keep no such view.") from None
    except ViewError as error:
        return _page(request, complaint=str(error), changing=pk, name=name, is_shared=is_shared)
    return HttpResponseRedirect(reverse("saved_views"), status=HTTPStatus.SEE_OTHER)


@require_POST
@needs(Act.VIEW)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """303 to all of them; 403 or 404."""
    try:
        view = saved_views.remove(signed_in(request), min(pk, LARGEST_KEY), actors.of(request))
    except SavedView.DoesNotExist:
        raise Http404("There is no such view.") from None
    messages.success(request, f"The view “{view}” was removed.")
    return HttpResponseRedirect(reverse("saved_views"), status=HTTPStatus.SEE_OTHER)


def _given(request: HttpRequest) -> tuple[str, bool]:
    return request.POST.get("name", ""), request.POST.get("shared") == "yes"


def _page(request: HttpRequest, **more: Any) -> HttpResponse:
    user, seeing = signed_in(request), Seeing()
    lines = [
        Line(view, said(view.asked), saved_views.is_withheld(view, seeing))
        for view in saved_views.seen_by(user, seeing)
    ]
    values = {
        "own": [line for line in lines if line.view.owner_id == user.pk],
        "others": [line for line in lines if line.view.owner_id != user.pk],
        "most": saved_views.MOST,
        "longest": LONGEST_NAME,
        "says": said(more["asked"]) if "asked" in more else "",
    }
    response = frame.show(request, "sagas/views.html", values | more)
    response.status_code = 422 if "complaint" in more else 200
    return response


def said(asked: Asked) -> str:
    """What is asked for, as people say it."""
    parts = [
        f"begins with “{asked.q}”" if asked.q else "",
        asked.type,
        *[looks.look(word).label for word in (asked.condition, asked.status) if word],
        f"problem {asked.problem}" if asked.problem else "",
        f"not put right by B-{asked.left_by}" if asked.left_by else "",
    ]
    return " · ".join(part for part in parts if part)
