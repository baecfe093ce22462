"""The daily digest: how things stand, also where nothing needs anybody, which is an answer, too."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q

from sagas import changes, links
from sagas.alerts import registered, writing
from sagas.alerts.message import Summary
from sagas.alerts.people import hours, watching
from sagas.alerts.people.reaching import reachable
from sagas.alerts.wording import line, sagas
from sagas.models import Problem, Saga
from sagas.vocabulary import TOLD, Occasion, Severity, Status

DAY = timedelta(days=1)
# Problems that are named, and digests that are written in one transaction.
MOST_NAMED = 20
MOST = 20


@dataclass(frozen=True, slots=True)
class Day:
    """What there is to say. `worst` are titles with counts, the most severe first."""

    open: int
    worst: Sequence[str]
    opened: int  # in the last day
    over: int
    ended: int  # sagas that came to a good end in the last day


@transaction.atomic
def tell(now: datetime) -> int:
    """Write the digests that are due at `now`; how many."""
    due = reachable().filter(digest_next__lte=now).order_by("digest_next")
    people = list(due.select_for_update(skip_locked=True, of=["self"])[:MOST])
    if not people:
        return 0
    summary = summarise(day(now))
    channel = registered.usable([registered.PEOPLE])
    for one in people:
        # A worker that was away for days sends one, not one a day.
        one.digest_next = hours.next_digest(now, one.zone, one.digest_at) if one.digest_at else None
        one.save(update_fields=["digest_next"])
        writing.write(
            summary, watching.person(channel, one, "it is your daily digest", Severity.CRITICAL, now), now
        )
    changes.tell("alerts")
    return len(people)


def day(now: datetime) -> Day:
    """Read how things stand. Problems of which nobody is told (about the data) are left out."""
    problems = Problem.objects.filter(severity__in=TOLD)
    open_ = problems.filter(closed_at=None)
    rows = sorted(open_, key=lambda one: (-Severity(one.severity).rank, -one.open_count, one.pk))
    before = now - DAY
    counts = problems.aggregate(
        opened=Count("pk", filter=Q(opened_at__gt=before)), over=Count("pk", filter=Q(closed_at__gt=before))
    )
    well = Saga.objects.filter(ended_at__gt=before, status__in=[Status.COMPLETED, Status.COMPENSATED])
    return Day(
        open=len(rows),
        worst=[_named(one) for one in rows[:MOST_NAMED]],
        opened=counts["opened"],
        over=counts["over"],
        ended=well.count(),
    )


def summarise(told: Day) -> Summary:
    """Pure."""
    needs = f"{told.open} problem{'' if told.open == 1 else 's'}"
    lines = [*told.worst]
    if told.open > len(told.worst):
        lines.append(f"and {told.open - len(told.worst):,} more.")
    lines.append(
        f"In the last day {told.opened:,} opened, {told.over:,} were over, and {sagas(told.ended)} came to a"
        " good end."
    )
    return Summary(
        occasion=Occasion.DIGEST,
        title=f"{needs} need{'s' if told.open == 1 else ''} attention" if told.open else "Nothing needs you",
        lines=tuple(lines),
        link=links.attention(),
    )


def _named(problem: Problem) -> str:
    head = ": ".join(filter(None, (problem.saga_type, problem.title)))
    count = f" · {sagas(problem.open_count)}" if problem.open_count else ""
    return line(f"{problem.severity}: {head}{count}")
