"""Problems as rows: with what is at stake, why each stands where it does, its last hour, and who was told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from django.db.models import OuterRef, Subquery

from console.seeing import Seeing
from console.telling import Told, told
from sagas import harm, stakes
from sagas.models import Finding, Problem, ProblemStake, SagaKey
from sagas.models.finding import ACCEPTED, WAITING
from sagas.vocabulary import Severity

# Problems whose sagas are listed in place, and how many sagas of each.
OPENED = 5
SAGAS = 10
SPARK_MINUTES = 60
SPARK_BINS = 20
SPARK_FINDINGS = 20_000
# Currencies that are told apart; of more, those with the greatest sums.
MOST_CURRENCIES = 2

# By currency.
Sums = dict[str, Decimal]


@dataclass(frozen=True)
class Line:
    """A problem as a row, with what its own table does not hold."""

    problem: Problem
    oldest: datetime | None
    sums: Sums
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
    def at_stake(self) -> str:
        return in_words(self.sums)

    @property
    def is_low(self) -> bool:
        """Whether it only warns."""
        return Severity(self.problem.severity).rank <= Severity.WARNING.rank

    @property
    def harm(self) -> tuple[Decimal, int, float]:
        since = self.oldest or self.problem.opened_at
        return harm.order(self.sums.values(), Severity(self.problem.severity), since)


def oldest() -> Subquery:
    """Since when the problem's oldest finding that waits for somebody has been so."""
    findings = Finding.objects.filter(WAITING, problem=OuterRef("pk")).order_by("since")
    return Subquery(findings.values("since")[:1])


def described(
    problems: Sequence[Problem], opened: Sequence[int], asked: dict[str, str], now: datetime
) -> list[Line]:
    """The problems as rows: a handful of queries, however many there are."""
    keys = [one.pk for one in problems]
    bins, sums, tellings = sparks(keys, now), at_stake(keys), told(keys)
    findings = {pk: first_findings(pk) for pk in opened if pk in keys}
    return [
        Line(
            one,
            one.oldest,  # type: ignore[attr-defined]  # annotated by oldest()
            sums[one.pk],
            bins[one.pk],
            tellings[one.pk],
            link(asked | {"open": ".".join(str(pk) for pk in toggled(opened, one.pk))}),
            one.pk in findings,
            findings.get(one.pk, []),
        )
        for one in problems
    ]


def at_stake(problems: Iterable[int]) -> dict[int, Sums]:
    """What is at stake in each, by currency."""
    sums: dict[int, Sums] = {pk: {} for pk in problems}
    found = ProblemStake.objects.filter(problem__in=sums, amount__gt=0)
    for problem, currency, amount in found.values_list("problem", "currency", "amount"):
        sums[problem][currency] = amount
    return sums


def in_words(sums: Sums) -> str:
    """`1,558.80 EUR + 200 USD at stake`; empty where nothing is known to be."""
    known = sorted(((amount, currency) for currency, amount in sums.items() if amount), reverse=True)
    if not known:
        return ""
    told = " + ".join(stakes.words(*one) for one in known[:MOST_CURRENCIES])
    more = len(known) - MOST_CURRENCIES
    also = f" + {more} more currenc{'y' if more == 1 else 'ies'}" if more > 0 else ""
    return f"{told}{also} at stake"


def toggled(opened: Sequence[int], pk: int) -> list[int]:
    return [one for one in opened if one != pk] if pk in opened else [pk, *opened][:OPENED]


def first_findings(problem: int) -> list[Finding]:
    """The problem's findings that have waited longest, with their sagas and what those are known by."""
    found = Finding.objects.filter(WAITING, problem=problem).select_related("saga").defer("saga__facts")
    rows = list(found.order_by("since")[:SAGAS])
    keys: dict[int, list[SagaKey]] = {}
    for key in SagaKey.objects.filter(saga__in=[row.saga_id for row in rows], links=True).order_by("name"):
        keys.setdefault(key.saga_id, []).append(key)
    for row in rows:
        row.saga.links = keys.get(row.saga_id, [])  # type: ignore[attr-defined]  # for the template
    return Seeing().findings(rows)


def accepted_findings(problem: int) -> list[Finding]:
    """Those that somebody has accepted, the newest first."""
    found = Finding.objects.filter(ACCEPTED, problem=problem).select_related("saga").defer("saga__facts")
    return Seeing().findings(found.order_by("-accepted_at", "-pk")[:SAGAS])


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


def link(words: dict[str, str]) -> str:
    return urlencode({name: word for name, word in words.items() if word})
