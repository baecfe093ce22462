"""Which sagas match what a person asked for; bounded, whatever is asked and however many there are."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Self

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from compensation.batches.progress import LEFT_BEHIND
from compensation.models import BatchSaga
from sagas.models import Finding, Saga, SagaKey
from sagas.models.finding import WAITING

# Nobody counts further than this: a page says "10,000+".
COUNT_CAP = 10_000
# Past so many hits in one index a search is wide, and its newest hits are found by walking back in time.
NARROW = 2_000
LONGEST = 200
LARGEST_KEY = 2**63 - 1
TYPES_CAP = 200


@dataclass(frozen=True)
class Asked:
    """What the address of the sagas page asks for. Empty: all."""

    q: str = ""
    type: str = ""
    status: str = ""
    condition: str = ""
    problem: str = ""
    left_by: str = ""  # the number of a batch

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        # PostgreSQL refuses NUL in text.
        return cls(**{f.name: query.get(f.name, "").replace("\0", "").strip()[:LONGEST] for f in fields(cls)})

    @property
    def words(self) -> dict[str, str]:
        """What is asked for, for links and for saying why nothing was found."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name))}

    def without(self, name: str) -> Self:
        return replace(self, **{name: ""})


def sagas(asked: Asked, hidden: Q | None) -> QuerySet[Saga]:
    """The sagas that match, in no order yet. Text matches the beginning of an id, key or shown value.

    `hidden`: keys and shown values by which nothing is found.
    """
    found = Saga.objects.all()
    if asked.type:
        found = found.filter(saga_type=asked.type)
    if asked.status:
        found = found.filter(status=asked.status)
    if asked.condition:
        found = found.filter(condition=asked.condition)
    if asked.problem:
        found = found.filter(_having(asked.problem))
    if asked.left_by:
        found = found.filter(left_behind(key_of(asked.left_by)))
    if asked.q:
        found = found.filter(matching(asked.q, hidden))
    return found


def key_of(text: str) -> int | None:
    """The key of a row that an address names; None for what is no key that the database could hold."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(LARGEST_KEY)):
        return None
    return min(int(text), LARGEST_KEY)


def left_behind(batch: int | None) -> Q:
    """Those that this batch has not put right, and does nothing about any more."""
    return Q(pk__in=BatchSaga.objects.filter(LEFT_BEHIND, batch=batch).values("saga"))


def _having(problem: str) -> Q:
    findings = Finding.objects.filter(WAITING, problem=key_of(problem))
    some = list(findings.values_list("saga", flat=True)[: NARROW + 1])
    return Q(pk__in=some) if len(some) <= NARROW else Q(Exists(findings.filter(saga=OuterRef("pk"))))


def matching(text: str, hidden: Q | None) -> Q:
    by_id = list(Saga.objects.filter(saga_id__startswith=text).values_list("pk", flat=True)[: NARROW + 1])
    keys = SagaKey.objects.filter(value__startswith=text)
    if hidden is not None:
        keys = keys.exclude(hidden)
    by_key = list(keys.values_list("saga", flat=True)[: NARROW + 1])
    if max(len(by_id), len(by_key)) <= NARROW:
        return Q(pk__in=sorted({*by_id, *by_key}))
    return Q(saga_id__startswith=text) | Q(Exists(keys.filter(saga=OuterRef("pk"))))


def count(found: QuerySet[Saga]) -> int:
    """How many, up to COUNT_CAP."""
    return found.order_by().values("pk")[:COUNT_CAP].count()


def types() -> list[str]:
    """The saga types that have sagas, by jumping from one to the next in the index."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE each(saga_type) AS (
                (SELECT saga_type FROM sagas_saga ORDER BY saga_type LIMIT 1)
                UNION ALL
                SELECT (SELECT next.saga_type FROM sagas_saga next
                        WHERE next.saga_type > each.saga_type ORDER BY next.saga_type LIMIT 1)
                FROM each WHERE each.saga_type IS NOT NULL
            )
            SELECT saga_type FROM each WHERE saga_type IS NOT NULL LIMIT %s
            """,
            [TYPES_CAP],
        )
        return [saga_type for (saga_type,) in cursor.fetchall()]
