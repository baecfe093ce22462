"""Planning a repair of many sagas: which, what, how carefully, and why."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from compensation import wording
from compensation.batches import deciding
from compensation.batches.deciding import Care, Chosen
from compensation.models import Batch
from compensation.plan import Intent
from compensation.refusals import ReasonMissingError, RepairError
from console import actors, choosing, search
from console.models import SavedView
from console.permissions import Act, signed_in
from console.search import Asked
from console.seeing import Seeing, searchable
from console.web import saved_views
from console.web.guard import needs
from console.web.saved_views import said
from console.wording import capped
from sagas.detection.rules import PREFIX
from sagas.models import Problem

# What can be decided about many sagas at once, safest first.
INTENTS = {
    Intent.ASK: ("Ask what happened", "Asks each participant what became of the step. Changes nothing."),
    Intent.RETRY: ("Retry what has failed", "Does again what failed or was never answered."),
    Intent.COMPENSATE: ("Compensate", "Undoes what was done, each step once the one after it is undone."),
}
MOST_CANARY = 1000
# What stands in the form at first.
USUAL = Care()


@dataclass(slots=True)
class Form:
    """What is being decided, as it stands in the address or was posted."""

    asked: Asked
    intent: str
    step: str
    reason: str = ""
    canary: str = str(USUAL.canary)
    holds: bool = USUAL.holds
    most_failures: str = str(round(USUAL.most_failures * 100))
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def care(self) -> Care:
        """Call once `errors` is filled and empty."""
        return Care(int(self.canary), self.holds, int(self.most_failures) / 100)


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponseBase:
    return (_create if request.method == "POST" else _choose)(request)


@needs(Act.VIEW)
def _choose(request: HttpRequest) -> HttpResponse:
    """Everybody may look; nothing is planned or sent by that."""
    return _page(request, _form(request.GET))


@needs(Act.REPAIR)
def _create(request: HttpRequest) -> HttpResponse:
    """303 to the batch; 400 with what is missing."""
    form = _form(request.POST)
    form.reason = request.POST.get("reason", "")
    form.canary = request.POST.get("canary", "").strip() or "0"
    form.holds = request.POST.get("holds") == "yes"
    form.most_failures = request.POST.get("most_failures", "").strip()
    _check(form)
    if form.errors:
        return _page(request, form, status=400)
    try:
        batch = deciding.create(
            _chosen(form.asked, request),
            form.intent,
            form.step,
            form.reason,
            actors.of(request),
            signed_in(request),
            care=form.care,
        )
    except ReasonMissingError as error:
        form.errors["reason"] = str(error)
    except RepairError as error:
        form.errors["sagas"] = str(error)
    else:
        return HttpResponseRedirect(reverse("batch", args=[batch.pk]), status=303)
    return _page(request, form, status=400)


def _chosen(asked: Asked, request: HttpRequest) -> Chosen:
    problem = _problem(asked)
    if problem and asked.words.keys() == {"problem"}:
        return choosing.of_problem(problem)
    found = search.sagas(asked, searchable(request))
    words = {name: [value] for name, value in asked.words.items()}
    return choosing.matching(found, Seeing().asked(words))


def _title(asked: Asked, view: SavedView | None) -> str:
    """What the sagas have in common, as people say it; `view`: the saved one that they are of."""
    if view:
        return f"{view}: {said(asked)}"
    if problem := _problem(asked):
        return problem.title
    if asked.words.keys() == {"left_by"}:
        return f"What B-{asked.left_by} has not put right"
    return ", ".join(f"{name} {value}" for name, value in asked.words.items()) or "every saga"


def _problem(asked: Asked) -> Problem | None:
    key = search.key_of(asked.problem)
    return Problem.objects.filter(pk=key).first() if key else None


def step_of(problem: Problem) -> str:
    """The step that a repair of its sagas is about; empty where a rule stands in its place."""
    return "" if problem.step.startswith(PREFIX) else problem.step


def _form(words: Any) -> Form:
    asked = Asked.read(words)
    problem = _problem(asked)
    intent = words.get("intent", "") or Intent.ASK
    if intent not in INTENTS:
        raise Http404("There is no such repair of many sagas.")
    step = words.get("step", step_of(problem) if problem else "")
    form = Form(asked, intent, step.strip()[: search.LONGEST])
    number = search.key_of(asked.left_by)
    if number and (before := Batch.objects.filter(pk=number).first()):
        form.reason, form.canary, form.holds = before.reason, str(before.canary), before.holds
        form.most_failures = str(round(before.most_failures * 100))
    return form


def _check(form: Form) -> None:
    if not form.canary.isascii() or not form.canary.isdigit() or int(form.canary[:9]) > MOST_CANARY:
        form.errors["canary"] = f"A whole number from 0 to {MOST_CANARY:,}."
    share = form.most_failures
    if not share.isascii() or not share.isdigit() or int(share[:9]) > 100:
        form.errors["most_failures"] = "A whole number from 0 to 100."


def _page(request: HttpRequest, form: Form, *, status: int = 200) -> HttpResponse:
    count = search.count(search.sagas(form.asked, searchable(request)))
    here, problem = urlencode(form.asked.words), _problem(form.asked)
    return render(
        request,
        "batches/form.html",
        {
            "form": form,
            "title": _title(form.asked, saved_views.offered(request, form.asked, Seeing()).current),
            "here": here,
            "back": reverse("problem", args=[problem.pk]) if problem else f"{reverse('sagas')}?{here}",
            "count": count,
            "counted": capped(count, search.COUNT_CAP),
            "intents": [(intent.value, *words) for intent, words in INTENTS.items()],
            "longest": wording.LONGEST,
        },
        status=status,
    )
