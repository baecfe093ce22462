"""Replaying all that is kept of a foreign type: asked for by a person, worked off by the worker in chunks.

The row is the truth: each chunk is one transaction, which reads events again and moves the row's position, so
that a worker may die anywhere, and several may be at work.
"""

import time
from datetime import datetime
from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from django.db.models import Count, Max
from django.utils import timezone

from sagas import audit, changes, ingest, quarantine
from sagas.audit import Actor
from sagas.mistakes import MISTAKES
from sagas.models import ForeignType, Quarantined, Replay

log = structlog.get_logger()

TASK = "sagas.tasks.go_on_with_replays"
# Seconds after which the rest is left to the next task, so that no worker is taken for long.
BUDGET = 2.0


def ask(foreign_type: ForeignType, by: Actor, now: datetime | None = None) -> Replay | None:
    """Have all that is kept of this type read again; the replay that runs already, if one does.

    None where nothing is kept. What comes in afterwards is no part of it.
    """
    with transaction.atomic():
        locked = ForeignType.objects.select_related("participant").select_for_update(
            of=("self",), no_key=True
        )
        held = locked.get(pk=foreign_type.pk)
        running = held.replays.filter(state=Replay.State.RUNNING).first()
        if running:
            return running
        kept = Quarantined.objects.filter(foreign_type=held, state=Quarantined.State.OPEN)
        found = kept.aggregate(total=Count("pk"), until=Max("pk"))
        if not found["total"]:
            return None
        replay = Replay.objects.create(
            foreign_type=held,
            actor_kind=by.kind,
            actor=by.name,
            actor_address=audit.clean_address(by.address),
            asked_at=now or timezone.now(),
            **found,
        )
        told = {"participant": held.participant.name, "type": held.type, "events": replay.total}
        audit.record(by, "replay.asked", ("replay", str(replay.pk)), after=told)
        transaction.on_commit(nudge, robust=True)
    return replay


def nudge() -> None:
    """A lost message costs a second, until beat's."""
    current_app.send_task(TASK, expires=10, retry=False, ignore_result=True)


def go_on(now: datetime | None = None, budget: float = BUDGET) -> int:
    """Work on what runs, a chunk of each replay in turn; how many events were read again."""
    started = time.monotonic()
    count = 0
    # Those that another worker holds, or that our own code cannot go on with.
    left: set[int] = set()
    while time.monotonic() - started <= budget:
        running = Replay.objects.filter(state=Replay.State.RUNNING).exclude(pk__in=left).order_by("pk")
        pks = list(running.values_list("pk", flat=True))
        if not pks:
            break
        for pk in pks:
            try:
                read = ingest.persist(partial(_go_on, pk, now or timezone.now()))
            except MISTAKES:
                log.exception("replay: it cannot go on", replay=pk)
                read = None
            if read is None:
                left.add(pk)
            else:
                count += read
    return count


def _go_on(pk: int, now: datetime) -> int | None:
    """Read one chunk again; None where another worker has it."""
    replays = Replay.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    replay = replays.filter(pk=pk, state=Replay.State.RUNNING).first()
    if replay is None:
        return None
    open_ = Quarantined.objects.filter(foreign_type_id=replay.foreign_type_id)
    chunk = open_.filter(state=Quarantined.State.OPEN, pk__gt=replay.position, pk__lte=replay.until)
    pks = list(chunk.order_by("pk").values_list("pk", flat=True)[: quarantine.AT_ONCE])
    changes.tell("quarantine", f"replay:{replay.pk}")
    if not pks:
        _finish(replay, now)
        return 0
    rows = quarantine.hold(Quarantined.objects.filter(pk__in=pks))
    # Audited with each chunk, as the last thing that takes a lock.
    taken, refused = quarantine.read_again(rows, _actor(replay), now)
    replay.taken += taken
    replay.refused += refused
    replay.position = pks[-1]
    replay.save(update_fields=["taken", "refused", "position"])
    return len(rows)


def _finish(replay: Replay, now: datetime) -> None:
    replay.state = Replay.State.DONE
    replay.finished_at = now
    replay.save(update_fields=["state", "finished_at"])
    told = {"taken": replay.taken, "refused": replay.refused, "gone": gone(replay)}
    audit.record(_actor(replay), "replay.finished", ("replay", str(replay.pk)), after=told)


def gone(replay: Replay) -> int:
    """Events that somebody else replayed, or that had to make room, in the meantime; 0 while it runs."""
    read = replay.taken + replay.refused
    return max(0, replay.total - read) if replay.state == Replay.State.DONE else 0


def _actor(replay: Replay) -> Actor:
    return Actor(replay.actor_kind, replay.actor, replay.actor_address)  # type: ignore[arg-type]  # its words
