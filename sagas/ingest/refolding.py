"""Reading sagas anew from their events, when something else than an event changed what they mean."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.utils import timezone

from sagas import changes, learning
from sagas.ingest import folding
from sagas.ingest.holding import Held, hold_known, settle
from sagas.ingest.persisting import persist

# Sagas in one transaction: few enough that writers hardly wait for it.
AT_ONCE = 200


def refold(saga_pks: Sequence[int], now: datetime | None = None) -> None:
    """Make facts and state of these sagas anew from all their events, with the definition they ask for."""
    for start in range(0, len(saga_pks), AT_ONCE):
        chunk = saga_pks[start : start + AT_ONCE]
        persist(partial(_refold, chunk, now or timezone.now()))


def resettle(saga_pks: Sequence[int], now: datetime) -> int:
    """Make those of these sagas anew whose events ask for another definition now than they have; how many.

    Part of the caller's transaction.
    """
    outdated = settle(hold_known(saga_pks), now)
    _take_anew(outdated, now)
    return len(outdated)


def _refold(saga_pks: Sequence[int], now: datetime) -> None:
    sagas = hold_known(saga_pks)
    settle(sagas, now)
    _take_anew(sagas, now)


def _take_anew(sagas: Sequence[Held], now: datetime) -> None:
    learning.refresh()
    folding.write(folding.take_anew(sagas, now), now)
    changes.tell("sagas", *(f"saga:{saga.pk}" for saga in sagas))
