"""A case: all that is told of one saga, one repair or one batch, as its reader may see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from compensation.batches.progress import Progress
from compensation.models import Batch, BatchSaga, Repair, Review
from compensation.policy import Recent, Requirement
from sagas.definitions import Definition
from sagas.fold import State
from sagas.models import Event, Finding, Saga, Transition
from sagas.story.parts import Sentence
from sagas.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Written:
    """An entry of the audit log as its hash covers it; `is_masked`: it tells less than was written."""

    content: Mapping[str, Any]
    is_masked: bool


@dataclass(frozen=True, slots=True)
class OneSaga:
    """`events` and `findings` come oldest first, and so do the turns of each finding, by its key."""

    saga: Saga
    state: State
    definition: Definition | None
    story: Sequence[Sentence]
    timeline: Timeline
    events: Sequence[Event]
    findings: Sequence[Finding]
    turns: Mapping[int, Sequence[Transition]]


@dataclass(frozen=True, slots=True)
class Many:
    """A batch's sagas in their order; `is_whole`: all of them are here."""

    sagas: Sequence[BatchSaga]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class OneBatch:
    """`recent`: what was counted beside its plan. `reviews`: what those who were asked said since they were
    asked last, oldest first.
    """

    batch: Batch
    requirement: Requirement | None
    recent: Sequence[Recent]
    reviews: Sequence[Review]
    so_far: Progress


@dataclass(frozen=True, slots=True)
class Case:
    """`kind` and `name` are the object's in the audit log; `left_out` are sentences on what is not in it."""

    kind: str
    name: str
    at: datetime
    entries: Sequence[Written]
    one: OneSaga | None = None
    many: Many | None = None
    repairs: Sequence[Repair] = ()
    batches: Sequence[OneBatch] = ()
    # Whether anything of it may be masked, and whether it is shown nevertheless.
    has_masks: bool = False
    is_clear: bool = False
    left_out: Sequence[str] = field(default_factory=list)

    @property
    def saga(self) -> Saga | None:
        return self.one.saga if self.one else None
