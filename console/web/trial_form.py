"""The form for trying a definition: its text with its mistakes, sample events, and the trials there were."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from console import actors
from console.permissions import Act, may, refusal
from console.seeing import Seeing
from console.web import complaints, frame, paging
from console.web.guard import needs
from sagas import definitions, describing, foreign_types, trials
from sagas.definitions import Definition, DefinitionError
from sagas.definitions.reading import MOST_CHARACTERS
from sagas.events.mapping import Tried
from sagas.models import Definition as Loaded
from sagas.models import ForeignType, Participant, Trial
from sagas.trials import TooManyError

# What the text is called in mistakes that are told elsewhere than beside it.
DRAFT = "draft"
# Bytes: a character has at most four.
LARGEST_FILE = 4 * MOST_CHARACTERS
# Trials listed below the form.
RECENT = 20
# Kept types and senders to choose from, and results shown.
MOST_TYPES = 100
MOST_SENDERS = 200
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Samples:
    """What would become of sample events."""

    of: str  # where they are from
    tried: Sequence[Tried]

    @property
    def shown(self) -> Sequence[Tried]:
        return self.tried[:MOST_SHOWN]

    @property
    def taken(self) -> int:
        return sum(1 for each in self.tried if each.event)

    @property
    def left_out(self) -> int:
        return len(self.tried) - len(self.shown)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """The text to try, and the trials there were; a POST asks for one."""
    if request.method != "POST":
        return _begin(request)
    if not may(request.user, Act.MANAGE):
        raise PermissionDenied(refusal(Act.MANAGE))
    try:
        text = _sent(request)
    except ValueError as error:
        return _show(request, request.POST.get("text", ""), status=422, refused=str(error))
    try:
        trial = trials.ask(text, DRAFT, actors.of(request))
    except DefinitionError as error:
        return _show(request, text, status=422, complaints=complaints.explain(error, text))
    except TooManyError as error:
        return _show(request, text, status=409, refused=str(error))
    return HttpResponseRedirect(reverse("trial", args=[trial.pk]), status=303)


@require_POST
@needs(Act.MANAGE)
def samples(request: HttpRequest) -> HttpResponse:
    """What the text's mappings would make of sample events: shown beside the text, and nothing is kept."""
    try:
        text = _sent(request)
    except ValueError as error:
        return _show(request, request.POST.get("text", ""), status=422, refused=str(error))
    try:
        definition = definitions.parse(text, DRAFT)
    except DefinitionError as error:
        return _show(request, text, status=422, complaints=complaints.explain(error, text))
    return _show(request, text, samples=_try(request, definition))


def _try(request: HttpRequest, definition: Definition) -> Samples:
    now = timezone.now()
    kept = paging.number(request.POST.get("kept"))
    if kept is not None:
        row = get_object_or_404(ForeignType.objects.select_related("participant"), pk=kept)
        tried = Seeing().tried(trials.try_kept(definition, row, now))
        return Samples(f"{row} from {row.participant.name}", tried)
    sender = paging.number(request.POST.get("sender"))
    participant = None if sender is None else get_object_or_404(Participant, pk=sender)
    return Samples(
        "what was pasted", trials.try_pasted(definition, request.POST.get("sample", ""), participant, now)
    )


def _begin(request: HttpRequest) -> HttpResponse:
    """With the text of a trial, of a loaded definition, of one written from what was seen, or none.

    What is wrong with it today is told at once.
    """
    text = _given(request)
    try:
        if text:
            definitions.parse(text, DRAFT)
    except DefinitionError as error:
        return _show(request, text, complaints=complaints.explain(error, text))
    return _show(request, text)


def _given(request: HttpRequest) -> str:
    tried = paging.number(request.GET.get("trial"))
    if tried is not None:
        return get_object_or_404(Trial, pk=tried).text
    saga_type, version = (request.GET.get(name, "").replace("\0", "") for name in ("type", "version"))
    if saga_type and version:
        return get_object_or_404(Loaded, saga_type=saga_type, version=version).source
    seen = request.GET.get("seen", "").replace("\0", "")
    written = describing.describe(seen) if seen else None
    return written.text if written else ""


def _sent(request: HttpRequest) -> str:
    """The chosen file's text, else what was written. Raises `ValueError`, in words, where it is no text."""
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile) or not file.size:
        # Browsers send the lines of a text box with \r\n, whatever they were.
        return request.POST.get("text", "").replace("\r\n", "\n")
    if file.size > LARGEST_FILE:
        raise ValueError(f"The file is too large: a definition has at most {MOST_CHARACTERS:,} characters.")
    content: bytes = file.read()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"The file is not UTF-8 (byte {error.start}). Save it as UTF-8 and choose it again."
        ) from None


def _show(request: HttpRequest, text: str, *, status: int = 200, **more: Any) -> HttpResponse:
    values = {
        "text": text,
        "sample": request.POST.get("sample", ""),
        "kept": paging.number(request.POST.get("kept")),
        "sender": paging.number(request.POST.get("sender")),
        "types": foreign_types.kept(MOST_TYPES),
        "senders": Participant.objects.exclude(plain_json=None).order_by("name")[:MOST_SENDERS],
        "recent": Trial.objects.order_by("-pk").defer("text", "results")[:RECENT],
    }
    answer = frame.show(request, "trials/list.html", values | more)
    answer.status_code = status
    return answer
