"""Repairs of many sagas: the list, and one of them with its plan, who agreed, and how far it is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from compensation import policy, wording
from compensation.batches import agreeing, deciding, demands
from compensation.batches.progress import Progress, progress, progress_of
from compensation.batches.refusals import MayNotAgreeError
from compensation.models import Batch, BatchSaga, Pace
from compensation.refusals import RepairError
from console import actors, permissions
from console.permissions import Act, signed_in
from console.seeing import Seeing
from console.web import frame, paging
from console.web.guard import needs
from sagas.audit import Actor
from sagas.models import AuditEntry

State = Batch.State

TITLES = {"ask": "Ask about", "retry": "Retry", "compensate": "Compensate"}
# Sagas shown of one batch at a time, and entries of the audit log.
SHOWN = 50
LATEST = 30


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button that was pressed: what it was sent with."""

    batch: Batch
    by: Actor
    user: User
    plan_hash: str
    text: str  # a reason or a note
    typed: int | None


# What each button does; who may press it is said beside it, for agreeing by the policy.
BUTTONS: dict[str, tuple[Act, Callable[[Pressed], Batch]]] = {
    "ask": (Act.REPAIR, lambda one: agreeing.ask(one.batch, one.plan_hash, one.by, typed=one.typed)),
    "agree": (
        Act.VIEW,
        lambda one: agreeing.agree(one.batch, one.plan_hash, one.by, one.user, one.text, typed=one.typed),
    ),
    "deny": (Act.VIEW, lambda one: agreeing.deny(one.batch, one.plan_hash, one.by, one.user, one.text)),
    "break-glass": (
        Act.BREAK_GLASS,
        lambda one: agreeing.break_glass(
            one.batch, one.plan_hash, one.by, one.text, one.user, typed=one.typed
        ),
    ),
    "start": (
        Act.REPAIR,
        lambda one: deciding.start(one.batch, one.plan_hash, one.by, one.user, typed=one.typed),
    ),
    "pause": (Act.REPAIR, lambda one: deciding.pause(one.batch, one.by, one.text)),
    "resume": (Act.REPAIR, lambda one: deciding.resume(one.batch, one.by, one.text)),
    "cancel": (Act.REPAIR, lambda one: deciding.cancel(one.batch, one.by, one.text)),
}


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    found = Batch.objects.defer("selection", "requirement")
    if state in State.values:
        found = found.filter(state=state)
    page = paging.page(found, request.GET)
    so_far = progress_of(page.rows)
    return frame.show(
        request,
        "batches/list.html",
        {
            "page": page,
            "lines": [(batch, title(batch), so_far[batch.pk]) for batch in page.rows],
            "waiting": agreeing.waiting_for(signed_in(request), SHOWN),
            "state": state,
            "states": [(word, urlencode({"state": word})) for word in State.values],
        },
    )


@require_safe
@needs(Act.VIEW)
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, find(pk))


@require_POST
@needs(Act.VIEW)
def press(request: HttpRequest, pk: int, button: str) -> HttpResponse:
    """303 back to the batch; 403 for who may not; 409 where it is not so any more or something is missing."""
    act, work = BUTTONS[button]
    if not permissions.may(request.user, act):
        raise PermissionDenied(permissions.refusal(act))
    pressed = Pressed(
        batch=find(pk),
        by=actors.of(request),
        user=signed_in(request),
        plan_hash=request.POST.get("plan_hash", ""),
        text=request.POST.get("reason", ""),
        typed=paging.number(request.POST.get("sagas")),
    )
    try:
        work(pressed)
    except MayNotAgreeError as error:
        raise PermissionDenied(str(error)) from None
    except RepairError as error:
        return _page(request, find(pk), status=409, refused=(button, str(error)), said=pressed.text)
    return HttpResponseRedirect(reverse("batch", args=[pk]), status=303)


def title(batch: Batch) -> str:
    count = batch.summary.get("sagas")
    sagas = "sagas" if count is None else f"{count:,} saga{'' if count == 1 else 's'}"
    what = f"“{batch.step}” of {sagas}" if batch.step else sagas
    return f"{TITLES[batch.intent]} {what}"


def find(pk: int) -> Batch:
    """Raises Http404."""
    found = Batch.objects.filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no batch B-{pk}.")
    return found


def _page(request: HttpRequest, batch: Batch, *, status: int = 200, **more: Any) -> HttpResponse:
    so_far, seeing = progress(batch), Seeing()
    user = signed_in(request)
    state = request.GET.get("sagas", "")
    listed = _sagas(request, batch, state)
    answer = frame.show(
        request,
        "batches/page.html",
        {
            "batch": seeing.batch(batch),
            "title": title(batch),
            "so_far": so_far,
            "share": _share(so_far),
            "left": _time_left(batch, so_far),
            "has_masks": any(map(seeing.masks, batch.summary.get("types", ()))),
            "requirement": policy.read(batch.requirement),
            "missing": demands.missing(batch),
            "recent": demands.recent_of(batch),
            "why_not": agreeing.why_not(batch, user),
            "reviews": batch.reviews.order_by("at"),
            "is_typed": (batch.summary.get("sagas") or 0) >= deciding.TYPED_FROM,
            "closed": seeing.paces(_closed(batch)),
            "state_of_sagas": state,
            "page": replace(listed, rows=seeing.batch_sagas(listed.rows)),
            "kinds": [word for word in BatchSaga.State.values if word != "chosen"],
            "longest": wording.LONGEST,
            "audit_object": f"batch:{batch}",
            "entries": AuditEntry.objects.filter(object_kind="batch", object_id=str(batch)).order_by(
                "-sequence"
            )[:LATEST],
            **more,
        },
    )
    answer.status_code = status
    return answer


def _sagas(request: HttpRequest, batch: Batch, state: str) -> paging.Page[BatchSaga]:
    found = batch.sagas.select_related("saga", "repair").defer("saga__facts", "repair__plan")
    if state in BatchSaga.State.values:
        found = found.filter(state=state)
    return paging.page(found, request.GET, size=SHOWN)


def _share(so_far: Progress) -> int:
    total = so_far.begun + so_far.planned
    return round(100 * so_far.ended / total) if total else 0


def _time_left(batch: Batch, so_far: Progress) -> float | None:
    """Seconds, by the pace so far; None: it does not run, or nothing has ended yet."""
    if batch.state != State.RUNNING or batch.started_at is None or not so_far.ended:
        return None
    took: timedelta = timezone.now() - batch.started_at
    return round(took.total_seconds() / so_far.ended * (so_far.planned + so_far.running))


def _closed(batch: Batch) -> list[Pace]:
    """Participants that are left alone just now."""
    names = {action["participant"] for action in batch.summary.get("actions", ())}
    closed = Pace.objects.filter(participant__name__in=names, closed_until__gt=timezone.now())
    return list(closed.select_related("participant"))
