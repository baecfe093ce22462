"""How far a batch is, counted from its rows."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q

from compensation.batches import statements
from compensation.models import Batch, BatchSaga, Repair
from sagas.sql import run

# Sagas that it has not put right and does nothing about any more, which may be planned once again.
LEFT_BEHIND = Q(state__in=[BatchSaga.State.DROPPED, BatchSaga.State.CANCELLED]) | Q(
    repair__state__in=[Repair.State.STOPPED, Repair.State.CANCELLED]
)


@dataclass(frozen=True, slots=True)
class Progress:
    """Numbers of sagas. `chosen` are not planned yet."""

    chosen: int = 0
    planned: int = 0
    left: int = 0
    dropped: int = 0
    cancelled: int = 0
    running: int = 0
    done: int = 0
    stopped: int = 0  # refused, or used up its attempts: for a person
    called_off: int = 0  # begun, and cancelled

    @property
    def ended(self) -> int:
        return self.done + self.stopped + self.called_off

    @property
    def left_behind(self) -> int:
        return self.dropped + self.cancelled + self.stopped + self.called_off

    @property
    def begun(self) -> int:
        return self.running + self.ended


NAMES = {
    "chosen": "chosen",
    "planned": "planned",
    "left": "left",
    "dropped": "dropped",
    "cancelled": "cancelled",
    "repair running": "running",
    "repair done": "done",
    "repair stopped": "stopped",
    "repair cancelled": "called_off",
}


def progress(batch: Batch) -> Progress:
    return progress_of([batch])[batch.pk]


def progress_of(batches: Collection[Batch]) -> dict[int, Progress]:
    """The same of several, by key."""
    found: dict[int, dict[str, int]] = {batch.pk: {} for batch in batches}
    for pk, state, count in run(statements.PROGRESS, batches=list(found)):
        found[pk][NAMES[state]] = count
    return {pk: Progress(**counts) for pk, counts in found.items()}
