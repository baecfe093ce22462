"""What people do with exports: ask for one, and cancel it."""

from celery import current_app
from django.db import transaction
from django.utils import timezone

from console.audit_search import Search
from console.models import AuditExport
from sagas import audit, changes
from sagas.audit import Actor
from sagas.models import AuditHead

State = AuditExport.State

TASK = "console.tasks.work_on_exports"
# What open pages listen to.
TOPIC = "exports"
# Exports that may wait or be at work; they are done one after another.
MOST_AT_WORK = 10
# Seconds. A message that nobody has taken for so long is dropped: beat has sent others.
PATIENCE = 60


class ExportError(Exception):
    """Why it cannot be done, for people."""


class TooManyError(ExportError):
    """Enough exports wait already."""


class FinishedError(ExportError):
    """There is nothing left to cancel."""


def ask(search: Search, format: str, by: Actor) -> AuditExport:
    """An export of the entries that are there now and match. Raises `TooManyError`."""
    with transaction.atomic():
        if AuditExport.objects.filter(state__in=[State.WAITING, State.RUNNING]).count() >= MOST_AT_WORK:
            raise TooManyError(f"{MOST_AT_WORK} exports are waiting already. Cancel one, or ask again later.")
        export = AuditExport.objects.create(
            actor_kind=by.kind,
            actor=by.name,
            actor_address=audit.clean_address(by.address),
            asked_at=timezone.now(),
            format=AuditExport.Format(format),
            search=search.dump(),
            until=AuditHead.objects.values_list("sequence", flat=True).get(),
        )
        told = {"format": export.format, "search": export.search, "until": export.until}
        audit.record(by, "audit.export_asked", ("audit_export", str(export)), after=told)
        changes.tell(TOPIC)
        nudge()
    return export


def cancel(export: AuditExport, by: Actor) -> None:
    """End it where it is; its file goes with the worker's next look. Raises `FinishedError`."""
    with transaction.atomic():
        at_work = AuditExport.objects.filter(pk=export.pk, state__in=[State.WAITING, State.RUNNING])
        if not at_work.update(state=State.CANCELLED, finished_at=timezone.now()):
            raise FinishedError(f"{export} has ended already.")
        audit.record(by, "audit.export_cancelled", ("audit_export", str(export)))
        changes.tell(TOPIC)


def nudge() -> None:
    """Once the transaction is committed. A lost message costs a second, until beat's."""

    def send() -> None:
        current_app.send_task(TASK, expires=PATIENCE, retry=False, ignore_result=True)

    transaction.on_commit(send, robust=True)
