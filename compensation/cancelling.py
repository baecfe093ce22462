"""Calling repairs off: nothing more is sent, and what is on its way is heard out."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from compensation import outcomes
from compensation.ledger import Ledger
from compensation.locking import lock
from compensation.models import Repair, RepairAction
from sagas.audit import Actor

State = RepairAction.State

# What is not on its way.
STOPPABLE = frozenset({State.WAITING, State.READY, State.AWAITING})


def cancel_all(repairs: Collection[int], by: Actor, reason: str, now: datetime) -> list[Repair]:
    """Cancel those of them that still run, in one transaction; returns these."""
    with transaction.atomic():
        of_sagas = Repair.objects.filter(pk__in=repairs).values_list("saga_id", flat=True)
        sagas = lock(list(of_sagas))
        running = list(Repair.objects.filter(pk__in=repairs, state=Repair.State.RUNNING).order_by("pk"))
        stopped: dict[int, list[int]] = {}
        ledger = Ledger()
        actions = RepairAction.objects.filter(repair__in=running, state__in=STOPPABLE)
        for action in actions.order_by("repair", "position"):
            action.state, action.finished_at = State.CANCELLED, now
            action.next_attempt_at = action.lease_until = action.confirm_by = None
            ledger.save(action)
            stopped.setdefault(action.repair_id, []).append(action.position)
        for repair in running:
            saga = sagas[repair.saga_id]
            repair.state, repair.finished_at = Repair.State.CANCELLED, now
            ledger.save(repair)
            outcomes.tell_finished(ledger, saga, repair, now)
            left = {"not_done": stopped.get(repair.pk, [])}
            ledger.audit(by, "repair.cancelled", repair, saga, reason=reason, after=left)
            ledger.announce(saga, repair)
        ledger.write()
    return running
