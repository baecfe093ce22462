"""One problem, open or over: its sagas, what can be done about it, what was accepted, and who was told."""

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from compensation import reading
from console import addresses, search
from console.permissions import Act
from console.seeing import Seeing
from console.web import batch_form, frame, handling, looking, saga_choices
from console.web.guard import needs
from console.web.problem_lines import accepted_findings, described, oldest
from console.web.saga_choices import Choice, Intent, address
from sagas.advice import ADVICE, SAID, Action
from sagas.models import Definition, Finding, Problem, Saga, Watch
from sagas.vocabulary import Code

REPAIRS = frozenset(Action(intent.value) for intent in Intent)
# What can be done about all sagas of a problem at once.
MANY = frozenset(Action(intent.value) for intent in batch_form.INTENTS)


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    found = Problem.objects.annotate(oldest=oldest())
    row = Seeing().problem(get_object_or_404(found, pk=min(pk, search.LARGEST_KEY)))
    now = timezone.now()
    (line,) = described([row], [row.pk], {}, now)
    newest = Definition.objects.filter(saga_type=row.saga_type).order_by("-pk").defer("source").first()
    choices = [] if row.closed_at else offered(row, next(iter(line.findings), None), newest, now)
    return frame.show(
        request,
        "attention/problem.html",
        {
            "line": line,
            "problem": row,
            "runbook": newest.body.get("runbook", "") if newest else "",
            "advice": ADVICE[Code(row.code)],
            "choices": choices,
            "first": next((choice.address for choice in choices if not choice.why_not), ""),
            "accepted": accepted_findings(row.pk),
            "watch": Watch.objects.filter(user=request.user.pk, problem=row.pk).first(),
            "handled": handling.of(row),
        },
    )


def offered(
    problem: Problem, waiting: Finding | None, definition: Definition | None, now: datetime
) -> list[Choice]:
    """Safest first. What is done saga by saga begins with the one that waits longest; there may be none.

    Of a single saga it is known what can be done, so that is said, in the words of the saga's own page.
    """
    ways = ADVICE[Code(problem.code)].ways
    alone = _repairs(waiting.saga_id, now) if waiting and problem.open_count == 1 else {}
    found = [
        _of_all(way, problem, definition) or alone.get(way) or (waiting and _of_one(way, problem, waiting))
        for way in ways
    ]
    return [choice for choice in found if choice]


def _repairs(saga: int, now: datetime) -> dict[str, Choice]:
    one = Saga.objects.select_related("definition").get(pk=saga)
    subject = reading.subject(one, now)
    return saga_choices.repairs(one, replace(subject, state=Seeing().state(one, subject.state)), now)


def _of_all(way: Action, problem: Problem, definition: Definition | None) -> Choice | None:
    """What needs no saga."""
    title, changes = SAID[way]
    if way == Action.DEFINITION and definition is not None:
        where = addresses.definition(definition.saga_type, definition.version)
    elif way == Action.PARTICIPANT and problem.participant:
        where = addresses.participant(problem.participant)
    else:
        return None
    return Choice(way, title, changes, "Look", where)


def _of_one(way: Action, problem: Problem, waiting: Finding) -> Choice:
    title, changes = SAID[way]
    if way in REPAIRS:
        step = batch_form.step_of(problem)
        where, button = address(waiting.saga, way, step), "Plan for the oldest…"
        if problem.open_count > 1 and way in MANY:
            query = urlencode({"problem": problem.pk, "intent": way.value, "step": step})
            where, button = f"{reverse('batch_new')}?{query}", f"Plan for all {problem.open_count:,}…"
        if way == Action.ASK and problem.participant:
            title = f"Ask {problem.participant} what happened"
    elif way == Action.ACCEPT:
        many = problem.open_count > 1
        title = f"Accept all {problem.open_count:,} as they are" if many else title
        where, button = reverse("problem_accept", args=[problem.pk]), "Accept all…" if many else "Accept…"
    else:
        where = looking.address(way, waiting)
        button = "Look at the oldest" if problem.open_count > 1 else "Look"
    return Choice(way, title, changes, button, where)
