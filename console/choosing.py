"""Which sagas a batch is about: those of a problem, those that match a filter, or those that were named."""

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import QuerySet

from compensation.batches.deciding import MOST, Chosen
from sagas.models import Finding, Problem, Saga
from sagas.models.finding import WAITING
from sagas.sql import encode, run

# Sagas that can be named one by one.
MOST_NAMED = 1000

NAMED = """
SELECT asked.saga_type, asked.saga_id, saga.id
FROM json_to_recordset(%(rows)s::json) AS asked (position int, saga_type text, saga_id text)
LEFT JOIN sagas_saga saga ON saga.saga_type = asked.saga_type AND saga.saga_id = asked.saga_id
ORDER BY asked.position
"""


class UnknownSagasError(Exception):
    """Sagas were named that are not there; `names` are their types and ids."""

    def __init__(self, names: Sequence[tuple[str, str]]) -> None:
        self.names = names
        told = ", ".join(f"{saga_type}/{saga_id}" for saga_type, saga_id in names[:3])
        more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        super().__init__(f"There is no saga {told}{more}. Take out what is not there, and choose again.")


def of_problem(problem: Problem) -> Chosen:
    """The sagas of its open findings that nobody has accepted, oldest first.

    One more than a batch takes is enough for it to be refused (deciding.create); so with `matching`.
    """
    findings = Finding.objects.filter(WAITING, problem=problem)
    sagas = list(findings.order_by("saga_id").values_list("saga_id", flat=True)[: MOST + 1])
    return Chosen(f"{problem.title}, {counted(len(sagas))}", sagas, {"problem": problem.pk})


def matching(found: QuerySet[Saga], asked: Mapping[str, Sequence[str]]) -> Chosen:
    """All of `found`, oldest first. `asked`: what they were found by, name to values; empty: all sagas."""
    sagas = list(found.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    words = ", ".join(_said(name, values) for name, values in asked.items())
    title = f"{counted(len(sagas))}: {words}" if words else f"All {counted(len(sagas))}"
    return Chosen(title, sagas, {"filter": {name: list(values) for name, values in asked.items()}})


def named(names: Iterable[tuple[str, str]]) -> Chosen:
    """Sagas by type and id, each once, in the order given. Raises UnknownSagasError."""
    once = list(dict.fromkeys(names))
    asked = [
        {"position": position, "saga_type": saga_type, "saga_id": saga_id}
        for position, (saga_type, saga_id) in enumerate(once)
    ]
    rows = run(NAMED, rows=encode(asked))
    if unknown := [(saga_type, saga_id) for saga_type, saga_id, pk in rows if pk is None]:
        raise UnknownSagasError(unknown)
    told = [{"type": saga_type, "id": saga_id} for saga_type, saga_id in once]
    return Chosen(counted(len(once)), [pk for _, _, pk in rows], {"sagas": told})


def counted(sagas: int) -> str:
    return "1 saga" if sagas == 1 else f"{sagas:,} sagas"


def _said(name: str, values: Sequence[str]) -> str:
    """Of a state several may be given, any of which is enough; of a key all of them must fit."""
    if name in {"status", "condition"}:
        return f"{name} {' or '.join(value.replace('_', ' ') for value in values)}"
    if name == "left_by":
        return f"not put right by B-{' and B-'.join(values)}"
    return f"{name.replace('_', ' ')} {' and '.join(values)}"
