"""Attention: the problems that wait for somebody, the most harmful first; and apart from them the data's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from console import search, wording
from console.permissions import Act
from console.seeing import Seeing
from console.web import frame, paging
from console.web.guard import needs
from console.web.problem_lines import OPENED, Sums, described, in_words, link, oldest
from sagas.models import Channel, Finding, ForeignType, Heartbeat, Problem, Saga
from sagas.vocabulary import Condition, Severity, Status

# Problems are few by their nature (saga type × step × code); past this many the page says so.
MOST = 300
# Of what is odd in the data, and of what was accepted.
MOST_QUIET = 20
FILTERS = ("condition", "type", "participant")
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
    open_ = Problem.objects.filter(closed_at=None).annotate(oldest=oldest())
    seeing = Seeing()
    problems = seeing.problems(open_.exclude(severity=Severity.NOTE).order_by("-pk")[:MOST])
    notes = open_.filter(severity=Severity.NOTE).order_by("-open_count", "pk")[: MOST_QUIET + 1]
    accepted = Problem.objects.filter(accepted_count__gt=0).order_by("-pk")[: MOST_QUIET + 1]
    shown = [one for one in problems if matches(one, asked)]
    lines = sorted(described(shown, opened, asked, now), key=lambda line: line.harm)
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
            "tiles": tiles(problems, asked),
            "today": ended_today(now),
            "types": choices(problems, "saga_type", "type", asked),
            "participants": choices(problems, "participant", "participant", asked),
            "conditions": [(word, link(asked | {"condition": word})) for word in CONDITIONS],
            "all_query": link(asked | {"condition": ""}),
            "is_filtered": any(asked.values()),
            "is_full": len(problems) == MOST,
            "is_any": bool(problems),
            "knows_sagas": bool(problems) or Saga.objects.exists(),
            "silent_since": silent_since(now),
            "dead_channels": Channel.objects.exclude(dead_since=None).order_by("dead_since"),
        },
        problems="attention/problems.html",
    )


def foreign() -> dict[str, int | None]:
    """Events in quarantine that no definition maps, and of how many types."""
    kept = ForeignType.objects.filter(kept__gt=0)
    return kept.aggregate(events=Sum("kept"), types=Count("type", distinct=True))


def matches(problem: Problem, asked: dict[str, str]) -> bool:
    wanted = {"condition": problem.condition, "type": problem.saga_type, "participant": problem.participant}
    return all(not asked.get(name) or asked[name] == value for name, value in wanted.items())


def tiles(problems: Sequence[Problem], asked: dict[str, str]) -> list[Tile]:
    made = []
    sums = at_stake_by_condition()
    for condition in CONDITIONS:
        mine = [one for one in problems if one.condition == condition]
        count = search.count(Saga.objects.filter(condition=condition))
        since = min((one.oldest for one in mine if one.oldest), default=None)  # type: ignore[attr-defined]
        is_on = asked["condition"] == condition
        query = link(asked | {"condition": "" if is_on else condition.value})
        note = f"{len(mine)} problem{'s' if len(mine) != 1 else ''}" if mine else "none"
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
    problems: Sequence[Problem], attribute: str, name: str, asked: dict[str, str]
) -> list[tuple[str, str]]:
    words = sorted({getattr(one, attribute) for one in problems} - {""})
    return [(word, link(asked | {name: word})) for word in words]


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
