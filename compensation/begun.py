"""What a person began of late on nobody's word but theirs; rules add it to a plan (`cumulative`)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib.auth.models import User

from compensation import statements
from compensation.policy import Recent
from sagas import definitions
from sagas.sql import run


def lock(person: User | None) -> None:
    """Have this person begin nothing else until the transaction ends.

    Take it before `recently` is asked, after batch and saga: else two plans that are started at the same
    moment would each be judged without the other.
    """
    if person:
        User.objects.select_for_update(no_key=True).only("pk").get(pk=person.pk)


def recently(
    person: User | None,
    windows: Collection[float],
    now: datetime,
    *,
    saga: int | None = None,
    batch: int | None = None,
) -> dict[float, Recent]:
    """For each of these lengths of time, in seconds; by one query each, and none where no rule looks back.

    Each saga counts once, and those that the plan itself is about do not: the `saga`, or the `batch`'s.
    """
    if person is None:
        return {}
    return {within: _recently(person, within, now, saga, batch) for within in windows}


def some(recent: Mapping[float, Recent]) -> Sequence[Recent]:
    """Those in which there is something, the shortest first."""
    return [recent[within] for within in sorted(recent) if recent[within].count]


def _recently(person: User, within: float, now: datetime, saga: int | None, batch: int | None) -> Recent:
    since = now - timedelta(seconds=within)
    rows = run(statements.RECENT, person=person.pk, since=since, saga=saga, batch=batch)
    count = unknown = 0
    stake: defaultdict[str, Decimal] = defaultdict(Decimal)
    for key, currency, sagas, amount in rows:
        count += sagas
        definition = definitions.by_key(key) if key else None
        if amount is not None:
            stake[currency] += amount
        elif definition and definition.at_stake:
            unknown += sagas
    return Recent(person.get_username(), within, count, dict(stake), unknown)
