"""The tester: who would hear of a problem, when, and why; by the functions that the sweep asks."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from console.permissions import Act
from console.seeing import Seeing
from console.web import frame, match_form, paging
from console.web.guard import needs
from console.web.match_form import FormError
from sagas.alerts import knowing, registered, routes, routing, silences
from sagas.alerts.matching import Subject
from sagas.models import Problem
from sagas.vocabulary import FAULTS, Code, Severity

TEXTS = ("saga_type", "step", "participant", "owner")
NAMES = (*TEXTS, "code", "severity", "count", "stake", "currency", "at")
MOST = 100


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """`?problem=` takes an open one; else what is typed; without either the form alone."""
    now = timezone.now()
    given = {name: request.GET.get(name, "").replace("\0", "")[:500] for name in NAMES}
    values: dict[str, Any] = {
        "given": given,
        "problems": Seeing().problems(Problem.objects.filter(closed_at=None).order_by("-pk")[:MOST]),
        **match_form.choices(),
    }
    pk = paging.number(request.GET.get("problem", ""))
    try:
        at = _moment(given["at"]) or now
        if pk:
            known = knowing.problems().get(pk)
            if known is None:
                raise FormError("The problem is over, or too slight for anybody to be told.")
            values |= {"asked": pk, **_answer(known.subject, at)}
        elif any(given.values()):
            values |= _answer(_subject(request.GET), at)
    except FormError as error:
        values["complaint"] = str(error)
    response = frame.show(request, "routing/tester.html", values)
    response.status_code = 422 if values.get("complaint") else 200
    return response


def _subject(given: QueryDict) -> Subject:
    """Raises `FormError`."""
    code = given.get("code", "")
    if code and code not in set(Code):
        raise FormError("Choose one of the codes.")
    fault = FAULTS[Code(code)] if code else None
    severity = given.get("severity", "") or (fault.severity if fault else Severity.ERROR)
    stake = {}
    if given.get("stake"):
        amount = match_form.amount(given.get("stake", ""))
        stake = {given.get("currency", "").strip().upper(): Decimal(str(amount))}
    return Subject(
        **{name: given.get(name, "") for name in TEXTS},
        code=code,
        condition=fault.condition if fault else "",
        severity=severity,
        count=match_form.whole(given.get("count") or "1", "Sagas"),
        stake=stake,
    )


def _moment(text: str) -> datetime | None:
    """In the viewer's zone. Raises `FormError`."""
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise FormError("Give the time as a date and a time of day.")
    return timezone.make_aware(found) if timezone.is_naive(found) else found


def _answer(subject: Subject, at: datetime) -> dict[str, Any]:
    in_force = routes.in_force()
    answer = in_force.ask(subject, at)
    rows = {row.name: row for row in registered.routable()}
    told = []
    for hearing in answer.hearings:
        steps = [
            {
                "at": step.at,
                "because": routing.because(hearing.route, step.number, is_default=hearing.is_default),
                "channels": [
                    (
                        name,
                        registered.targets(rows[name], [subject.owner]) if name in rows else [],
                        rows.get(name),
                    )
                    for name in step.channels
                ],
            }
            for step in hearing.steps
        ]
        told.append({"hearing": hearing, "steps": steps})
    silence = silences.hiding(subject, silences.in_force(at), at)
    return {
        "subject": subject,
        "at": at,
        "told": told,
        "passed": answer.passed,
        "silence": silence,
        "is_told": subject.severity in match_form.SEVERITIES,
    }
