"""One saga: what it is, what happened and why, what can be done about it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from compensation import reading
from console import drawn, telling
from console.permissions import Act
from console.seeing import Seeing
from console.web import frame, saga_choices, saga_normal, saga_records
from console.web.guard import needs
from sagas import story, timeline
from sagas.fold import State
from sagas.models import Finding, Saga, Watch
from sagas.models.finding import OPEN
from sagas.timeline import NARROW, WIDE, Mode
from sagas.vocabulary import Condition, Severity

MODES = {Mode.FIT: "fit", Mode.SCALE: "to scale", Mode.RELATIVE: "relative"}
TONES = ("ok", "info", "warn", "doubt", "bad", "odd", "undo", "quiet")


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    query: str
    is_on: bool
    count: str = ""


def find(saga_type: str, saga_id: str) -> Saga:
    """Raises Http404."""
    found = Saga.objects.filter(saga_type=saga_type, saga_id=saga_id).select_related("definition")
    saga = found.defer("definition__source", "definition__body").first()
    if saga is None:
        raise Http404(f"No saga {saga_id} of type {saga_type} has been heard of.")
    return saga


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest, saga_type: str, saga_id: str) -> HttpResponse:
    saga, now = find(saga_type, saga_id), timezone.now()
    seeing = Seeing()
    subject = reading.subject(saga, now)
    subject = replace(subject, state=seeing.state(saga, subject.state))
    state, definition = subject.state, subject.definition
    waiting = saga.findings.filter(OPEN).select_related("problem", "saga").order_by("since")
    found = seeing.findings(waiting)
    findings = sorted(filter(_needs_somebody, found), key=_severity, reverse=True)
    accepted = [finding for finding in found if finding.is_accepted]
    records = saga_records.read(saga, state, definition, request.GET, seeing)
    return frame.show(
        request,
        "saga/page.html",
        {
            "saga": saga,
            "state": state,
            "definition": definition,
            "keys": state.keys.items(),
            "display": state.display.items(),
            "masked_names": seeing.masks(saga.saga_type).names,
            "has_masks": bool(seeing.masks(saga.saga_type)),
            "trace": trace_id(state.trace),
            "conditions": list(dict.fromkeys(finding.condition for finding in findings)),
            # What was accepted is so still.
            "story": story.tell(state, findings or _troubles(accepted), definition, now),
            "mood": saga.condition if findings else "accepted" if accepted else state.status,
            "rival": subject.rival,
            "watch": Watch.objects.filter(user=request.user.pk, saga=saga).first(),
            "stake": state.stake,
            "accepted": accepted,
            "choices": saga_choices.choices(saga, subject, findings, now),
            "is_unwell": bool(findings),
            "has_runbook": definition is not None
            and urlsplit(definition.runbook).scheme in {"http", "https"},
            "told": _told(findings),
            "modes": _modes(request),
            "tones": TONES,
            **_drawings(saga, state, now, _mode(request)),
            **saga_normal.of(saga, state, definition, {finding.step for finding in findings}, now),
            **records,
        },
        detail="saga/detail.html",
    )


def _needs_somebody(finding: Finding) -> bool:
    return finding.is_waiting and finding.severity != Severity.NOTE


def _troubles(findings: Iterable[Finding]) -> list[Finding]:
    """Without those about the data."""
    return [finding for finding in findings if finding.severity != Severity.NOTE]


def _severity(finding: Finding) -> tuple[int, int]:
    return Severity(finding.severity).rank, Condition(finding.condition).rank


def trace_id(traceparent: str) -> str:
    """The trace of a W3C traceparent; empty where it is none."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 and len(parts[1]) == 32 else ""


def _mode(request: HttpRequest) -> Mode:
    asked = request.GET.get("mode", "")
    return Mode(asked) if asked in MODES else Mode.FIT


def _modes(request: HttpRequest) -> list[Link]:
    kept = {name: request.GET[name] for name in ("tab", "page") if request.GET.get(name)}
    now = _mode(request)
    return [Link(label, urlencode(kept | {"mode": mode.value}), mode == now) for mode, label in MODES.items()]


def _drawings(saga: Saga, state: State, now: datetime, mode: Mode) -> dict[str, Any]:
    events = drawn.events(saga)
    zone = timezone.get_current_timezone()
    wide, narrow = (
        timeline.lay_out(state, events, now, mode=mode, frame=size, zone=zone) for size in (WIDE, NARROW)
    )
    return {"wide": wide, "narrow": narrow, "not_drawn": max(saga.revision - drawn.MOST, 0)}


def _told(findings: Iterable[Finding]) -> list[tuple[Any, telling.Told]]:
    """Each open problem of the saga, and who was told of it."""
    problems = {finding.problem_id: finding.problem for finding in findings}
    told = telling.told(problems)
    return [(problem, told[pk]) for pk, problem in problems.items()]
