"""What a transaction changes in problems: their counts and what is at stake in them, written set by set."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sagas.detection import statements
from sagas.sql import encode, run
from sagas.stakes import Stake
from sagas.vocabulary import Severity


class Tally:
    """Differences by problem. Whoever writes one holds the locks on the problems' keys."""

    def __init__(self) -> None:
        self._open: Counter[int] = Counter()
        self._accepted: Counter[int] = Counter()
        self._total: Counter[int] = Counter()
        self._worst: dict[int, dict[str, str]] = {}
        self._stakes: defaultdict[tuple[int, str], Decimal] = defaultdict(Decimal)

    def opened(self, problem: int, stake: Stake | None) -> None:
        self._total[problem] += 1
        self._wait(problem, stake, 1)

    def worst(self, problem: int, severity: Severity, words: Mapping[str, str]) -> None:
        """Of the findings that were opened: its severity, and the title and explanation that tell it."""
        self._worst[problem] = {"severity": severity, **words}

    def closed(self, problem: int, stake: Stake | None, *, was_accepted: bool) -> None:
        if was_accepted:
            self._accepted[problem] -= 1
        else:
            self._wait(problem, stake, -1)

    def accepted(self, problem: int, stake: Stake | None) -> None:
        self._accepted[problem] += 1
        self._wait(problem, stake, -1)

    def reopened(self, problem: int, stake: Stake | None) -> None:
        self._accepted[problem] -= 1
        self._wait(problem, stake, 1)

    def restaked(self, problem: int, before: Stake | None, after: Stake | None) -> None:
        self._put(problem, before, -1)
        self._put(problem, after, 1)

    def write(self, now: datetime) -> None:
        counts = [
            {
                "id": problem,
                "open": self._open[problem],
                "accepted": self._accepted[problem],
                "total": self._total[problem],
                **self._worst.get(problem, {"severity": ""}),
            }
            for problem in sorted({*self._open, *self._accepted, *self._total})
        ]
        stakes = [
            {"problem_id": problem, "currency": currency, "amount": amount}
            for (problem, currency), amount in sorted(self._stakes.items())
            if amount
        ]
        if counts:
            run(statements.COUNT_PROBLEMS, rows=encode(counts), severities=list(Severity), now=now)
        if stakes:
            run(statements.ADD_STAKES, rows=encode(stakes))

    def _wait(self, problem: int, stake: Stake | None, one: int) -> None:
        self._open[problem] += one
        self._put(problem, stake, one)

    def _put(self, problem: int, stake: Stake | None, one: int) -> None:
        if stake:
            self._stakes[problem, stake.currency] += one * stake.amount
