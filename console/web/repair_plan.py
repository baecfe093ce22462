"""A repair before it is started: exactly what will happen, why it is done, and the button that starts it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from compensation import repairs, wording
from compensation.batches import deciding
from compensation.batches.deciding import Care, Chosen
from compensation.drafting import Words
from compensation.models import Repair
from compensation.plan import LeftAlone, Plan
from compensation.planner import Outcome
from compensation.refusals import (
    AgreementMissingError,
    AlreadyRunningError,
    ChangedError,
    ReasonMissingError,
    RefusedError,
)
from compensation.repairs import Preview
from console import actors
from console.permissions import Act, signed_in
from console.seeing import Seeing
from console.web import saga as saga_page
from console.web.guard import needs
from console.web.paging import number
from sagas import facts, standing
from sagas.fold import State
from sagas.models import Saga

Intent = Repair.Intent

# What is decided about the whole saga, and about one step of it.
TITLES = {
    Intent.ASK: ("Ask what happened", "Ask what became of “{}”"),
    Intent.COMPENSATE: ("Compensate the whole saga", "Compensate “{}”"),
    Intent.RETRY: ("Retry what has failed", "Retry “{}”"),
    Intent.RECORD: ("Record what was done elsewhere", "Record what became of “{}”"),
}


@dataclass(frozen=True, slots=True)
class Left:
    """Steps that are left alone for one reason; times are there where it is a single step."""

    titles: list[str]
    why: str
    since: datetime | None
    until: datetime | None


@dataclass(slots=True)
class Form:
    """What is being decided, as it stands in the address or was posted."""

    intent: str
    step: str
    outcome: str
    reason: str = ""
    evidence: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, saga_type: str, saga_id: str) -> HttpResponseBase:
    return (_start if request.method == "POST" else _preview)(request, saga_type, saga_id)


@needs(Act.VIEW)
def _preview(request: HttpRequest, saga_type: str, saga_id: str) -> HttpResponse:
    """Everybody may look at a plan; nothing is sent."""
    return preview(request, saga_page.find(saga_type, saga_id), form_of(request.GET), Seeing())


def preview(request: HttpRequest, saga: Saga, form: Form, seeing: Seeing) -> HttpResponse:
    state, _ = standing.of(saga, timezone.now())
    if form.intent == Intent.RECORD and not (form.step and form.outcome):
        return _page(request, saga, form, state, None, 0, seeing)
    now = repairs.preview(saga, form.intent, form.step, signed_in(request), outcome=form.outcome)
    return _page(request, saga, form, state, now.plan, now.revision, seeing, **_agreement(now))


@needs(Act.REPAIR)
def _start(request: HttpRequest, saga_type: str, saga_id: str) -> HttpResponse:
    """303 to the repair; 409 with what is so now, when it is not what was looked at."""
    saga = saga_page.find(saga_type, saga_id)
    form = form_of(request.POST)
    form.reason = request.POST.get("reason", "")
    form.evidence = request.POST.get("evidence", "")
    revision = number(request.POST.get("revision"))
    if revision is None or (form.intent == Intent.RECORD and not (form.step and form.outcome)):
        raise Http404("This form was not made by Amends.")
    try:
        repair = repairs.start(
            saga,
            form.intent,
            form.step,
            form.reason,
            revision,
            request.POST.get("plan_hash", ""),
            actors.of(request),
            request.user,  # type: ignore[arg-type]  # the guard lets nobody else in
            outcome=form.outcome,
            evidence=form.evidence,
        )
    except AgreementMissingError:
        return _put_to_others(request, saga, form)
    except ReasonMissingError as error:
        form.errors[error.field] = str(error)
        return _again(request, saga, form, status=400)
    except ChangedError as error:
        return _again(request, saga, form, status=409, changed=error)
    except RefusedError:
        return _again(request, saga, form, status=409)
    except AlreadyRunningError as error:
        return _again(request, saga, form, status=409, rival=error)
    return HttpResponseRedirect(reverse("repair", args=[repair.pk]), status=303)


def _put_to_others(request: HttpRequest, saga: Saga, form: Form) -> HttpResponse:
    """Others must agree: it goes the way of a batch, of this one saga."""
    batch = deciding.create(
        Chosen(f"{saga.saga_type} {saga.saga_id}", [saga.pk], {"saga": saga.saga_id}),
        form.intent,
        form.step,
        form.reason,
        actors.of(request),
        signed_in(request),
        care=Care(canary=0),
    )
    return HttpResponseRedirect(reverse("batch", args=[batch.pk]), status=303)


def form_of(words: Any) -> Form:
    form = Form(words.get("intent", ""), words.get("step", ""), words.get("outcome", ""))
    if form.intent not in Intent.values:
        raise Http404("There is no such repair.")
    if form.outcome and form.outcome not in list(Outcome):
        raise Http404("There is no such outcome.")
    return form


def _again(request: HttpRequest, saga: Saga, form: Form, *, status: int, **more: Any) -> HttpResponse:
    """The page with the plan as it would be now, and what the person wrote kept."""
    now = repairs.preview(saga, form.intent, form.step, signed_in(request), outcome=form.outcome)
    posted = (number(request.POST.get("revision")), request.POST.get("plan_hash", ""))
    if "changed" not in more and "rival" not in more and posted != (now.revision, now.hash):
        # Its reason is still missing, and meanwhile it is not what was looked at either.
        more["is_new"] = True
    state, _ = standing.of(Saga.objects.get(pk=saga.pk), timezone.now())
    more |= _agreement(now)
    return _page(request, saga, form, state, now.plan, now.revision, Seeing(), status=status, **more)


def _agreement(now: Preview) -> dict[str, Any]:
    return {"requirement": now.requirement, "recent": now.recent}


def _page(
    request: HttpRequest,
    saga: Saga,
    form: Form,
    state: State,
    plan: Plan | None,
    revision: int,
    seeing: Seeing,
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    shown = seeing.plan(saga.saga_type, plan) if plan else None
    return render(
        request,
        "repair/plan.html",
        {
            "saga": saga,
            "state": seeing.state(saga, state),
            "form": form,
            "plan": shown,
            "plan_hash": plan.hash if plan else "",
            "is_masked": shown != plan,
            "revision": revision,
            "title": title(form.intent, form.step, state),
            "left_alone": left_alone(shown) if shown else [],
            "outcomes": list(Outcome),
            "longest": wording.LONGEST,
            "sends_reason": plan is not None and _sends_reason(plan),
            **more,
        },
        status=status,
    )


def title(intent: str, step: str, state: State) -> str:
    whole, single = TITLES[Intent(intent)]
    known = state.step(step)
    return single.format(known.title if known else step) if step else whole


def left_alone(plan: Plan) -> list[Left]:
    """What the plan does not touch, one line a reason; executions are told apart where a step has several."""
    times = Counter(each.step for each in plan.actions) + Counter(each.step for each in plan.left_alone)
    grouped: dict[str, list[LeftAlone]] = {}
    for left in plan.left_alone:
        grouped.setdefault(left.why, []).append(left)
    return [
        Left(
            [
                f"{left.title} {left.execution}".strip() if times[left.step] > 1 else left.title
                for left in several
            ],
            why,
            facts.moment(several[0].since) if several[0].since and len(several) == 1 else None,
            facts.moment(several[0].until) if several[0].until and len(several) == 1 else None,
        )
        for why, several in grouped.items()
    ]


def _sends_reason(plan: Plan) -> bool:
    """Whether a request carries what the person writes."""
    return any(action.request and Words().reason in action.request.body for action in plan.actions)
