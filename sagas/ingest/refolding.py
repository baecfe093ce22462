"""Reading sagas anew from their events, when something else than an event changed what they mean."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db.models import CharField, Q
from django.db.models.expressions import RawSQL
from django.utils import timezone

from sagas import changes, learning, models
from sagas.ingest import folding
from sagas.ingest.holding import hold_known, settle
from sagas.ingest.persisting import persist

# Sagas in one transaction: few enough that writers hardly wait for it.
AT_ONCE = 200


def refold(saga_pks: Sequence[int], now: datetime | None = None) -> None:
    """Make facts and state of these sagas anew from all their events, with the definition they ask for."""
    for start in range(0, len(saga_pks), AT_ONCE):
        chunk = list(saga_pks[start : start + AT_ONCE])
        persist(partial(_refold, chunk, now or timezone.now()))


def adopt(definition: models.Definition, now: datetime | None = None) -> int:
    """Give a definition to the sagas that were waiting for it; their number.

    Those that had none, and those whose events name this version but had to do with another. May be run
    again at any time, and finds what is left over.
    """
    said = RawSQL("facts::json #>> '{version,1}'", [], output_field=CharField())
    sagas = (
        models.Saga.objects.filter(saga_type=definition.saga_type)
        .exclude(definition=definition)
        .alias(said=said)
        .filter(Q(definition=None) | Q(said=definition.version))
        .order_by("pk")
    )
    last = count = 0
    while chunk := list(sagas.filter(pk__gt=last).values_list("pk", flat=True)[:AT_ONCE]):
        refold(chunk, now)
        last = chunk[-1]
        count += len(chunk)
    return count


def _refold(saga_pks: list[int], now: datetime) -> None:
    sagas = hold_known(saga_pks)
    settle(sagas, now)
    learning.refresh()
    folding.write(folding.take_anew(sagas, now), now)
    changes.tell("sagas", *(f"saga:{saga.pk}" for saga in sagas))
