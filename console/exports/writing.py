"""Writing exports: chunk by chunk, in the order of the log, one export at a time.

A chunk is written to the file, and then the row says how far the file holds. Who dies in between is followed
by the next task, which cuts off what no row speaks of. Where the file is gone it begins anew.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from console import audit_search
from console.audit_search import Search
from console.exports import asking, files, lines
from console.models import AuditExport
from console.seeing import Seeing
from sagas import audit, changes, sql
from sagas.audit import Actor
from sagas.mistakes import MISTAKES
from sagas.models import AuditEntry

log = structlog.get_logger()

State = AuditExport.State

# Entries in a chunk.
CHUNK = 2000
# Seconds after which the rest is left to the next task, so that the sweep has its turn.
BUDGET = 2.0
# One that was taken so often without anything coming of it kills its workers, and is given up.
MOST_FRUITLESS = 5

# PostgreSQL gives the turn back as soon as whoever had it is gone.
TAKE_TURN = "SELECT pg_try_advisory_lock(hashtextextended('console.exports', 0))"
END_TURN = "SELECT pg_advisory_unlock(hashtextextended('console.exports', 0))"


def work() -> int:
    """Go on with the oldest export that is not finished, for some seconds; how many entries were written.

    Safe to run twice at once, late or never.
    """
    with _turn() as is_ours:
        if not is_ours:
            return 0
        remove_old(timezone.now())
        export = _take()
        if export is None:
            return 0
        before, started = export.written, time.monotonic()
        _go_on(export)
        while export.state == State.RUNNING and time.monotonic() - started < BUDGET:
            _go_on(export)
    # For what is left of it, or the next.
    asking.nudge()
    return export.written - before


def remove_old(now: datetime) -> None:
    """Exports that were asked for a day ago, and their files."""
    files.remove_old(now)
    old = AuditExport.objects.filter(asked_at__lt=now - files.KEPT)
    for export in old:
        files.remove(export)
    old.delete()


@contextmanager
def _turn() -> Iterator[bool]:
    ((is_ours,),) = sql.run(TAKE_TURN)
    try:
        yield is_ours
    finally:
        if is_ours:
            sql.run(END_TURN)


def _take() -> AuditExport | None:
    export = AuditExport.objects.filter(state__in=[State.WAITING, State.RUNNING]).order_by("pk").first()
    if export is None:
        return None
    if export.fruitless >= MOST_FRUITLESS:
        log.error("exports: one is given up, as nothing comes of it", export=export.pk)
        _fail(export, "The worker died of it again and again; its log may tell why.")
        return None
    counted = _entries(export).count() if export.of is None else export.of
    _note(export, state=State.RUNNING, fruitless=export.fruitless + 1, of=counted)
    return export if export.state == State.RUNNING else None


def _go_on(export: AuditExport) -> None:
    """Write the next chunk, or say why that cannot be done."""
    try:
        _write(export)
    except OSError as error:
        log.warning("exports: the file could not be written", export=export.pk, error=str(error))
        _fail(export, f"The file could not be written: {error.strerror or error}.")
    except MISTAKES as error:
        log.exception("exports: it cannot go on", export=export.pk)
        _fail(export, f"Amends made a mistake: {type(error).__name__}, see its log.")


def _write(export: AuditExport) -> None:
    following = _entries(export).filter(sequence__gt=export.position).order_by("sequence")
    chunk = list(following.select_related("saga").defer("saga__facts")[:CHUNK])
    # The chain holds over content hashes: of what is masked, only that hash cannot be made again.
    text = lines.write(Seeing().entries(chunk), export.format, is_first=export.size == 0)
    if not files.append(export, text):
        _note(export, position=0, written=0, size=0)
        return
    _note(
        export,
        position=chunk[-1].sequence if chunk else export.until,
        written=export.written + len(chunk),
        size=export.size + len(text),
        fruitless=0,
    )
    if export.state == State.CANCELLED:
        files.remove(export)
    elif len(chunk) < CHUNK:
        _finish(export)


def _entries(export: AuditExport) -> QuerySet[AuditEntry]:
    return audit_search.find(Search.load(export.search)).filter(sequence__lte=export.until)


def _finish(export: AuditExport) -> None:
    digest = files.finish(export)
    with transaction.atomic():
        _note(export, state=State.DONE, digest=digest, finished_at=timezone.now())
        if export.state != State.DONE:
            return
        by = Actor(export.actor_kind, export.actor, export.actor_address)  # type: ignore[arg-type]  # as it was given
        told = {"format": export.format, "search": export.search, "until": export.until}
        told |= {"entries": export.written, "sha256": digest}
        audit.record(by, "audit.exported", ("audit_export", str(export)), after=told)


def _fail(export: AuditExport, why: str) -> None:
    _note(export, state=State.FAILED, failure=why, finished_at=timezone.now())


def _note(export: AuditExport, **columns: object) -> None:
    """Write these of the row, unless somebody has cancelled it; the export then says so."""
    at_work = AuditExport.objects.filter(pk=export.pk, state__in=[State.WAITING, State.RUNNING])
    if not at_work.update(**columns):
        columns = {"state": State.CANCELLED}
    for name, value in columns.items():
        setattr(export, name, value)
    changes.tell(asking.TOPIC)
