"""Reading sagas anew from their events, when something else than an event changed what they mean."""

from collections.abc import Sequence

from django.db.models import CharField, Q
from django.db.models.expressions import RawSQL
from django.utils import timezone

from sagas import changes, definitions, models
from sagas.ingest import folding, statements
from sagas.ingest.folding import Held
from sagas.ingest.storing import persist

# Sagas in one transaction: few enough that writers hardly wait for it.
AT_ONCE = 200


def refold(saga_pks: Sequence[int]) -> None:
    """Make facts and state of these sagas anew from all their events, with the definition they ask for."""
    for start in range(0, len(saga_pks), AT_ONCE):
        chunk = list(saga_pks[start : start + AT_ONCE])
        persist(lambda chunk=chunk: _refold(chunk))  # type: ignore[misc]  # mypy cannot infer the default


def adopt(definition: models.Definition) -> int:
    """Give a definition to the sagas that were waiting for it; their number.

    Those that had none, and those whose events name this version but had to do with another. May be run
    again at any time, and finds what is left over.
    """
    said = RawSQL("facts::json #>> '{version,3}'", [], output_field=CharField())
    sagas = (
        models.Saga.objects.filter(saga_type=definition.saga_type)
        .exclude(definition=definition)
        .alias(said=said)
        .filter(Q(definition=None) | Q(said=definition.version))
        .order_by("pk")
    )
    last = count = 0
    while chunk := list(sagas.filter(pk__gt=last).values_list("pk", flat=True)[:AT_ONCE]):
        refold(chunk)
        last = chunk[-1]
        count += len(chunk)
    return count


def _refold(saga_pks: list[int]) -> None:
    now = timezone.now()
    sagas = [Held.of(row) for row in statements.run(statements.LOCK_SAGAS, sagas=saga_pks)]
    known = definitions.versions({saga.saga_type for saga in sagas})
    for saga in sagas:
        said = saga.facts.version.value if saga.facts.version else ""
        saga.definition_pk = folding.choose(said, saga.created_at, known.get(saga.saga_type, []))
    folding.refill(sagas)
    folding.write(sagas, now)
    changes.tell("sagas", *(f"saga:{saga.pk}" for saga in sagas))
