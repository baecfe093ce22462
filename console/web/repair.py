"""One repair: what was decided and why, how far each action has come, every attempt with its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from compensation import evidence, hindsight, repairs, wording
from compensation import plan as plans
from compensation.answers import NOT_NOW
from compensation.models import ActionAttempt, Repair, RepairAction
from compensation.plan import Action, Plan
from compensation.refusals import NotRunningError, ReasonMissingError
from console import actors, anchors
from console.permissions import Act
from console.seeing import Seeing
from console.web import frame, repair_plan
from console.web.guard import needs
from sagas import standing
from sagas.durations import exactly
from sagas.fold import State as SagaState
from sagas.masking.text import tells_less
from sagas.models import AuditEntry

State = RepairAction.State

ACCEPTED = 202
SETTLED = frozenset({State.DONE, State.REFUSED, State.EXHAUSTED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Try:
    """One call, how long its answer took, and in which tone it is shown."""

    call: ActionAttempt

    @property
    def took(self) -> str:
        if self.call.finished_at is None:
            return ""
        return exactly(round((self.call.finished_at - self.call.started_at).total_seconds(), 3))

    @property
    def tone(self) -> str:
        status = self.call.status_code or 0
        if 200 <= status < 300:
            return "ok" if status != ACCEPTED else "warn"
        return "warn" if status in NOT_NOW or status >= 500 else "bad"


@dataclass(frozen=True, slots=True)
class Line:
    """An action as it was planned and as it went."""

    action: RepairAction
    planned: Action
    before: str  # what it waits for
    tries: Sequence["Try"]
    event: str  # the anchor of the event that confirmed it; empty: none did
    since: str  # likewise, of the event that says so by now although it had ended otherwise
    is_masked: bool  # whether it tells less than was sent and answered

    @property
    def is_open(self) -> bool:
        return self.action.state not in SETTLED

    @property
    def needs_a_look(self) -> bool:
        return self.action.state in {State.REFUSED, State.EXHAUSTED}

    @property
    def is_overtaken(self) -> bool:
        """Whether it was not sent because the saga had moved on."""
        return self.action.state == State.REFUSED and self.action.result.get("by") == "saga"


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return page(request, find(pk), Seeing())


@require_POST
@needs(Act.REPAIR)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """303 back to the repair; 400 without a reason; 409 where it has ended meanwhile."""
    repair = find(pk)
    reason = request.POST.get("reason", "")
    try:
        repairs.cancel(repair, actors.of(request), reason)
    except ReasonMissingError as error:
        return page(request, repair, Seeing(), status=400, cancel_error=str(error))
    except NotRunningError as error:
        return page(request, find(pk), Seeing(), status=409, too_late=str(error))
    return HttpResponseRedirect(reverse("repair", args=[pk]), status=303)


def find(pk: int) -> Repair:
    """Raises Http404."""
    repair = Repair.objects.select_related("saga__definition", "of_batch__batch").filter(pk=pk).first()
    if repair is None:
        raise Http404(f"There is no repair R-{pk}.")
    return repair


def page(
    request: HttpRequest, repair: Repair, seeing: Seeing, *, status: int = 200, **more: Any
) -> HttpResponse:
    plan = seeing.plan(repair.saga.saga_type, plans.read(repair.plan))
    state, _ = standing.of(repair.saga, timezone.now())
    lines = _lines(repair, plan, state, seeing)
    done = sum(line.action.state == State.DONE for line in lines)
    answer = frame.show(
        request,
        "repair/page.html",
        {
            "repair": repair,
            "saga": repair.saga,
            "saga_status": state.status,
            "plan": plan,
            "lines": lines,
            "is_masked": any(line.is_masked for line in lines),
            "has_masks": bool(Seeing().masks(repair.saga.saga_type)),
            "done": done,
            "share": round(100 * done / len(lines)) if lines else 0,
            "title": repair_plan.title(repair.intent, _only_step(repair, plan), state),
            "left_alone": repair_plan.left_alone(plan),
            "audit_object": f"repair:{repair}",
            "longest": wording.LONGEST,
            "is_running": repair.state == Repair.State.RUNNING,
            "entries": AuditEntry.objects.filter(
                saga=repair.saga_id, object_kind="repair", object_id=str(repair)
            ).order_by("sequence"),
            **more,
        },
        actions="repair/actions.html",
    )
    answer.status_code = status
    return answer


def _lines(repair: Repair, plan: Plan, state: SagaState, seeing: Seeing) -> list[Line]:
    tries = Prefetch("tries", ActionAttempt.objects.order_by("number"))
    actions = repair.actions.select_related("participant").prefetch_related(tries).order_by("position")
    before = ["", *(planned.title for planned in plan.actions)]
    return [
        _line(action, seeing.action(repair.saga.saga_type, action), planned, first, state)
        for action, planned, first in zip(actions, plan.actions, before, strict=False)
    ]


def _line(clear: RepairAction, action: RepairAction, planned: Action, before: str, state: SagaState) -> Line:
    given, shown = list(clear.tries.all()), list(action.tries.all())
    is_masked = (
        clear.request != action.request
        or clear.question != action.question
        or clear.result != action.result
        or any(
            tells_less(other.answer.encode(), one.answer.encode())
            for one, other in zip(given, shown, strict=True)
        )
    )
    since = hindsight.confirmed_since(action, state)
    return Line(
        action,
        planned,
        before,
        [Try(call) for call in shown],
        _anchor(action.result.get("event") if action.state == State.DONE else None),
        _anchor(evidence.name(since.moment) if since else None),
        is_masked,
    )


def _anchor(event: dict[str, str] | None) -> str:
    return anchors.of_event(event["source"], event["id"]) if event else ""


def _only_step(repair: Repair, plan: Plan) -> str:
    """The step that it is about; empty where there are several."""
    return plan.actions[0].step if len(plan.actions) == 1 else repair.step
