"""Attention: the problems that wait for somebody, the most harmful first; and apart from them the data's."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.core.cache import cache
from django.db import connection
from django.db.models import Case, Count, Min, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from console import search, wording
from console.permissions import Act
from console.seeing import Seeing
from console.web import frame, paging
from console.web.guard import needs
from console.web.problem_lines import OPENED, Sums, described, in_words, link, oldest
from sagas.models import Channel, Finding, ForeignType, Heartbeat, Problem, ProblemStake, Saga
from sagas.vocabulary import Condition, Severity, Status

# Problems are few by their nature (saga type × step × code); past this many the page says so, and shows those
# that do the most harm.
MOST = 300
# Types, and participants, that are offered as chips.
MOST_CHOICES = 100
# Of what is odd in the data, and of what was accepted.
MOST_QUIET = 20
FILTERS = {"condition": "condition", "type": "saga_type", "participant": "participant"}
# Seconds for which the count of sagas that ended today is kept, and the sums of the tiles.
TODAY_KEPT = 15
STAKES_KEPT = 5
# Seconds without a sweep after which the page says that nobody is looking.
SWEEP_LATE = 15

CONDITIONS = [word for word in reversed(Condition) if word != Condition.HEALTHY]

# A saga counts once in a sum, under the worst that is found of it, as it does in the tile's number.
STAKES = """
SELECT condition, currency, sum(stake) FROM (
  SELECT DISTINCT ON (saga_id) condition, currency, stake
  FROM sagas_finding
  WHERE closed_at IS NULL AND accepted_at IS NULL AND stake > 0
  ORDER BY saga_id, array_position(%s::text[], condition::text)
) worst
GROUP BY condition, currency
"""


# What `sagas.harm` goes by, as the database can sort by it.
HARM = {
    "at_stake": Coalesce(
        Subquery(
            ProblemStake.objects.filter(problem=OuterRef("pk"), amount__gt=0)
            .order_by()
            .values("problem")
            .values(sum=Sum("amount"))
        ),
        Decimal(),
    ),
    "rank": Case(*(When(severity=each, then=Value(each.rank)) for each in Severity)),
}
MOST_HARMFUL_FIRST = ("-at_stake", "-rank", "opened_at", "pk")


@dataclass(frozen=True)
class Tile:
    condition: Condition
    count: str
    note: str
    oldest: datetime | None
    at_stake: str
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
    asked = {name: request.GET.get(name, "").replace("\0", "")[:200] for name in FILTERS}
    opened = [pk for text in request.GET.get("open", "").split(".") if (pk := paging.number(text))][:OPENED]
    every = Problem.objects.filter(closed_at=None)
    open_ = every.exclude(severity=Severity.NOTE)
    seeing = Seeing()
    worst = matching(open_, asked).annotate(oldest=oldest(), **HARM).order_by(*MOST_HARMFUL_FIRST)[:MOST]
    lines = sorted(described(seeing.problems(worst), opened, asked, now), key=lambda line: line.harm)
    notes = every.filter(severity=Severity.NOTE).order_by("-open_count", "pk")[: MOST_QUIET + 1]
    accepted = Problem.objects.filter(accepted_count__gt=0).order_by("-pk")[: MOST_QUIET + 1]
    groups = by_condition(open_)
    return frame.show(
        request,
        "attention/page.html",
        {
            "asked": asked,
            "lines": lines,
            "notes": [(one, one.open_count) for one in seeing.problems(notes)],
            "foreign": foreign(),
            "accepted": [(one, one.accepted_count) for one in seeing.problems(accepted)],
            "most_quiet": MOST_QUIET,
            "tiles": tiles(groups, asked),
            "today": ended_today(now),
            "types": choices(open_, "saga_type", "type", asked),
            "participants": choices(open_, "participant", "participant", asked),
            "conditions": [(word, link(asked | {"condition": word})) for word in CONDITIONS],
            "all_query": link(asked | {"condition": ""}),
            "is_filtered": any(asked.values()),
            "is_full": len(lines) == MOST,
            "is_any": bool(groups),
            "knows_sagas": bool(groups) or Saga.objects.exists(),
            "silent_since": silent_since(now),
            "dead_channels": Channel.objects.exclude(dead_since=None).order_by("dead_since"),
        },
        problems="attention/problems.html",
    )


def foreign() -> dict[str, int | None]:
    """Events in quarantine that no definition maps, and of how many types."""
    kept = ForeignType.objects.filter(kept__gt=0)
    return kept.aggregate(events=Sum("kept"), types=Count("type", distinct=True))


def matching(open_: QuerySet[Problem], asked: dict[str, str]) -> QuerySet[Problem]:
    wanted = {FILTERS[name]: value for name, value in asked.items() if value}
    return open_.filter(**wanted)


def by_condition(open_: QuerySet[Problem]) -> dict[str, tuple[int, datetime | None]]:
    """How many problems, and since when the oldest of their findings has waited."""
    found = open_.annotate(oldest=oldest()).order_by().values("condition")
    counted = found.annotate(count=Count("pk"), since=Min("oldest"))
    return {one["condition"]: (one["count"], one["since"]) for one in counted}


def tiles(groups: dict[str, tuple[int, datetime | None]], asked: dict[str, str]) -> list[Tile]:
    made = []
    sums = at_stake_by_condition()
    for condition in CONDITIONS:
        problems, since = groups.get(condition, (0, None))
        count = search.count(Saga.objects.filter(condition=condition))
        is_on = asked["condition"] == condition
        query = link(asked | {"condition": "" if is_on else condition.value})
        note = f"{problems:,} problem{'s' if problems != 1 else ''}" if problems else "none"
        number = wording.capped(count, search.COUNT_CAP)
        stake = in_words(sums.get(condition, {}))
        made.append(Tile(condition, number, note, since, stake, query, is_on))
    return made


def at_stake_by_condition() -> dict[str, Sums]:
    """Kept for a moment, as a bad night has 100,000 findings."""
    known: dict[str, Sums] | None = cache.get("at-stake-by-condition")
    if known is None:
        known = {}
        with connection.cursor() as cursor:
            cursor.execute(STAKES, [list(CONDITIONS)])
            for condition, currency, amount in cursor.fetchall():
                known.setdefault(condition, {})[currency] = amount
        cache.set("at-stake-by-condition", known, STAKES_KEPT)
    return known


def choices(
    open_: QuerySet[Problem], attribute: str, name: str, asked: dict[str, str]
) -> list[tuple[str, str]]:
    found = open_.exclude(**{attribute: ""}).order_by(attribute).values_list(attribute, flat=True)
    return [(word, link(asked | {name: word})) for word in found.distinct()[:MOST_CHOICES]]


def ended_today(now: datetime) -> Today:
    """Since midnight where the viewer is. Kept for a while, as a busy day has millions."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    name = f"ended-since:{midnight.timestamp():.0f}"
    known = cache.get(name)
    if known is None:
        well = Saga.objects.filter(ended_at__gte=midnight, status__in=[Status.COMPLETED, Status.COMPENSATED])
        ended = well.count()
        found = Finding.objects.filter(saga__in=well).exclude(severity=Severity.NOTE)
        late = found.values("saga").distinct().count() if ended else 0
        known = ended, ended - late
        cache.set(name, known, TODAY_KEPT)
    return Today(*known)


def silent_since(now: datetime) -> datetime | None:
    """When somebody last looked for what is due, if that was too long ago to trust an empty page."""
    last = Heartbeat.objects.filter(name="sweep").values_list("at", flat=True).first()
    return last if last and (now - last).total_seconds() > SWEEP_LATE else None
