"""A saga that is not as it was planned: what came since, and what would be done now, for another look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from compensation import planner, reading
from compensation.comparing import Difference, compare
from compensation.models import BatchSaga
from compensation.plan import Plan
from sagas.models import Event

State = BatchSaga.State

# What can be looked at again: nothing has been sent for it.
OPEN = frozenset({State.PLANNED, State.DROPPED})


@dataclass(frozen=True, slots=True)
class Look:
    """`then` is the plan that was pinned, None where it cannot be told any more; see `recall`."""

    revision: int
    events: Sequence[Event]
    then: Plan | None
    now: Plan

    @property
    def differences(self) -> list[Difference]:
        """Action by action; empty where nobody knows any more what was planned."""
        return compare(self.then, self.now) if self.then else []

    @property
    def is_same(self) -> bool:
        return self.then is not None and self.then.hash == self.now.hash


def look(one: BatchSaga, now: datetime) -> Look:
    """Read-only. `one` comes with its batch and its saga."""
    subject = reading.subject(one.saga, now)
    return Look(
        revision=subject.revision,
        events=reading.events_since(one.saga, one.revision),
        then=recall(one),
        now=planner.plan(subject, one.batch.intent, one.batch.step, now),
    )


def recall(one: BatchSaga) -> Plan | None:
    """The plan that was pinned, made anew from what was known then.

    None where it does not have the hash that was agreed to: a definition or an address was changed since.
    """
    batch = one.batch
    subject = reading.subject_at(one.saga, one.revision, batch.planned_at)
    planned = planner.plan(subject, batch.intent, batch.step, batch.planned_at)
    return planned if planned.hash == one.plan_hash else None
