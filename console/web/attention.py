"""Attention: the problems that are open, the most harmful first, and who was told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.core.cache import cache
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from console import search, wording
from console.permissions import Act
from console.telling import Told, told
from console.web import frame, paging
from console.web.guard import needs
from sagas.models import Definition, Finding, Heartbeat, Problem, Saga, SagaKey
from sagas.vocabulary import Condition, Severity, Status

# Problems are few by their nature (saga type × step × code); past this many the page says so.
MOST = 300
FILTERS = ("condition", "type", "participant")
LONGEST = 200
# Problems whose sagas are listed in place, and how many sagas of each.
OPENED = 5
SAGAS = 10
SPARK_MINUTES = 60
SPARK_BINS = 20
SPARK_FINDINGS = 20_000
# Seconds for which the count of sagas that ended today is kept.
TODAY_KEPT = 15
# Seconds without a sweep after which the page says that nobody is looking.
SWEEP_LATE = 15


@dataclass(frozen=True)
class Line:
    """A problem as a row, with what its own table does not hold."""

    problem: Problem
    oldest: datetime | None
    bins: Sequence[int]
    told: Told
    toggle: str  # the query that opens it in place, or closes it
    is_open: bool
    findings: Sequence[Finding]  # its oldest, when it is open

    @property
    def more(self) -> int:
        return max(0, self.problem.open_count - len(self.findings)) if self.is_open else 0

    @property
    def spark_label(self) -> str:
        return f"{sum(self.bins)} new in the last {SPARK_MINUTES} minutes"

    @property
    def harm(self) -> tuple[int, int, int, float]:
        """Sorts by severity, condition, number of sagas, age: the most harmful first."""
        severity = Severity(self.problem.severity).rank
        rank = Condition(self.problem.condition).rank
        since = (self.oldest or self.problem.opened_at).timestamp()
        return -severity, -rank, -self.problem.open_count, since


@dataclass(frozen=True)
class Tile:
    condition: Condition
    count: str
    note: str
    oldest: datetime | None
    query: str
    is_on: bool


@dataclass(frozen=True)
class Today:
    """Sagas that came to a good end since midnight, and how many of them without any finding."""

    ended: int
    in_time: int

    @property
    def share(self) -> str:
        if not self.ended:
            return ""
        # Rounded down: 99.999 % is not all of them.
        return f"{int(10_000 * self.in_time / self.ended) / 100:.2f} %".replace(".00", "")


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    asked = {
        name: request.GET.get(name, "").replace("\0", "")[:200]
        for name in ("condition", "type", "participant")
    }
    opened = [pk for text in request.GET.get("open", "").split(".") if (pk := paging.number(text))][:OPENED]
    problems = list(Problem.objects.filter(closed_at=None).annotate(oldest=oldest()).order_by("-pk")[:MOST])
    shown = [one for one in problems if matches(one, asked)]
    lines = sorted(described(shown, opened, asked, now), key=lambda line: line.harm)
    today = ended_today(now)
    return frame.show(
        request,
        "attention/page.html",
        {
            "asked": asked,
            "lines": lines,
            "tiles": tiles(problems, asked),
            "today": today,
            "types": choices(problems, "saga_type", "type", asked),
            "participants": choices(problems, "participant", "participant", asked),
            "conditions": [(word, link(asked | {"condition": word})) for word in CONDITIONS],
            "all_query": link(asked | {"condition": ""}),
            "is_filtered": any(asked.values()),
            "is_full": len(problems) == MOST,
            "is_any": bool(problems),
            "knows_sagas": bool(problems) or Saga.objects.exists(),
            "silent_since": silent_since(now),
        },
        problems="attention/problems.html",
    )


@require_safe
@needs(Act.VIEW)
def problem(request: HttpRequest, pk: int) -> HttpResponse:
    """One problem, open or over: its sagas, oldest first, and everybody who was told."""
    row = get_object_or_404(Problem.objects.annotate(oldest=oldest()), pk=min(pk, search.LARGEST_KEY))
    now = timezone.now()
    (line,) = described([row], [row.pk], {}, now)
    newest = Definition.objects.filter(saga_type=row.saga_type).order_by("-pk").defer("source").first()
    return frame.show(
        request,
        "attention/problem.html",
        {
            "line": line,
            "problem": row,
            "runbook": newest.body.get("runbook", "") if newest else "",
        },
    )


CONDITIONS = [word for word in reversed(Condition) if word != Condition.HEALTHY]


def oldest() -> Subquery:
    """Since when the problem's oldest open finding has been so."""
    findings = Finding.objects.filter(problem=OuterRef("pk"), closed_at=None).order_by("since")
    return Subquery(findings.values("since")[:1])


def matches(problem: Problem, asked: dict[str, str]) -> bool:
    wanted = {"condition": problem.condition, "type": problem.saga_type, "participant": problem.participant}
    return all(not asked.get(name) or asked[name] == value for name, value in wanted.items())


def described(
    problems: Sequence[Problem], opened: Sequence[int], asked: dict[str, str], now: datetime
) -> list[Line]:
    """The problems as rows: a handful of queries, however many there are."""
    keys = [one.pk for one in problems]
    bins = sparks(keys, now)
    tellings = told(keys)
    findings = {pk: first_findings(pk) for pk in opened if pk in keys}
    return [
        Line(
            one,
            one.oldest,  # type: ignore[attr-defined]  # annotated by oldest()
            bins[one.pk],
            tellings[one.pk],
            link(asked | {"open": ".".join(str(pk) for pk in toggled(opened, one.pk))}),
            one.pk in findings,
            findings.get(one.pk, []),
        )
        for one in problems
    ]


def toggled(opened: Sequence[int], pk: int) -> list[int]:
    return [one for one in opened if one != pk] if pk in opened else [pk, *opened][:OPENED]


def first_findings(problem: int) -> list[Finding]:
    """The problem's open findings that have lasted longest, with their sagas and what those are known by."""
    found = (
        Finding.objects.filter(problem=problem, closed_at=None).select_related("saga").defer("saga__facts")
    )
    rows = list(found.order_by("since")[:SAGAS])
    keys: dict[int, list[SagaKey]] = {}
    for key in SagaKey.objects.filter(saga__in=[row.saga_id for row in rows], links=True).order_by("name"):
        keys.setdefault(key.saga_id, []).append(key)
    for row in rows:
        row.saga.links = keys.get(row.saga_id, [])  # type: ignore[attr-defined]  # for the template
    return rows


def sparks(problems: Iterable[int], now: datetime) -> dict[int, list[int]]:
    """Findings opened in the last hour, per problem, in bins of equal length, the newest last."""
    bins = {pk: [0] * SPARK_BINS for pk in problems}
    start = now - timedelta(minutes=SPARK_MINUTES)
    found = Finding.objects.filter(problem__in=bins, opened_at__gt=start)
    width = SPARK_MINUTES * 60 / SPARK_BINS
    for pk, opened_at in found.values_list("problem", "opened_at").order_by("-opened_at")[:SPARK_FINDINGS]:
        place = int((opened_at - start).total_seconds() / width)
        bins[pk][min(SPARK_BINS - 1, place)] += 1
    return bins


def tiles(problems: Sequence[Problem], asked: dict[str, str]) -> list[Tile]:
    made = []
    for condition in CONDITIONS:
        mine = [one for one in problems if one.condition == condition]
        count = search.count(Saga.objects.filter(condition=condition))
        since = min((one.oldest for one in mine if one.oldest), default=None)  # type: ignore[attr-defined]
        is_on = asked["condition"] == condition
        query = link(asked | {"condition": "" if is_on else condition.value})
        note = f"{len(mine)} problem{'s' if len(mine) != 1 else ''}" if mine else "none"
        made.append(Tile(condition, wording.capped(count, search.COUNT_CAP), note, since, query, is_on))
    return made


def choices(
    problems: Sequence[Problem], attribute: str, name: str, asked: dict[str, str]
) -> list[tuple[str, str]]:
    words = sorted({getattr(one, attribute) for one in problems} - {""})
    return [(word, link(asked | {name: word})) for word in words]


def link(words: dict[str, str]) -> str:
    return urlencode({name: word for name, word in words.items() if word})


def ended_today(now: datetime) -> Today:
    """Since midnight where the viewer is. Kept for a while, as a busy day has millions."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    name = f"ended-since:{midnight.timestamp():.0f}"
    known = cache.get(name)
    if known is None:
        well = Saga.objects.filter(ended_at__gte=midnight, status__in=[Status.COMPLETED, Status.COMPENSATED])
        ended = well.count()
        late = Finding.objects.filter(saga__in=well).values("saga").distinct().count() if ended else 0
        known = ended, ended - late
        cache.set(name, known, TODAY_KEPT)
    return Today(*known)


def silent_since(now: datetime) -> datetime | None:
    """When somebody last looked for what is due, if that was too long ago to trust an empty page."""
    last = Heartbeat.objects.filter(name="sweep").values_list("at", flat=True).first()
    return last if last and (now - last).total_seconds() > SWEEP_LATE else None
