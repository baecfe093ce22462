"""What people do about an incident, wherever they do it: acknowledge, put off, assign. Audited."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from sagas import audit, changes
from sagas.alerts import escalating, knowing, writing
from sagas.alerts.people import watching
from sagas.alerts.summarising import summarise
from sagas.models import Escalation, Incident, Problem
from sagas.vocabulary import Occasion

LONGEST_SNOOZE = timedelta(days=30)


class ActError(ValueError):
    """What was asked for cannot be done; its text tells the reader why."""


def incident_of(problem: Problem) -> Incident | None:
    """The newest incident that the problem belongs to: what people were told of it."""
    return problem.incidents.order_by("-pk").first()


def acknowledge(pk: int, by: audit.Actor, now: datetime) -> Incident:
    """Somebody sees to it: no further step of a route is taken. Raises `ActError`."""

    def act(incident: Incident) -> None:
        escalating.forget_acts(incident)
        incident.acknowledged_at, incident.acknowledged_by = now, by.name

    return _act(pk, "incident.acknowledged", act, by, now, says=f"{by.name} sees to it.")


def snooze(pk: int, until: datetime | None, by: audit.Actor, now: datetime) -> Incident:
    """Put it off until then, or, None, until it has grown. Raises `ActError`."""
    if until is not None and not now < until <= now + LONGEST_SNOOZE:
        raise ActError(f"Put it off until a time between now and {LONGEST_SNOOZE.days} days from now.")

    def act(incident: Incident) -> None:
        escalating.forget_acts(incident)
        incident.snoozed_at, incident.snoozed_by = now, by.name
        incident.snoozed_until, incident.until_grown = until, until is None

    words = f"until {until:%H:%M} UTC on {until.day} {until:%b}" if until else "until it has grown"
    return _act(pk, "incident.snoozed", act, by, now, says=f"{by.name} put it off {words}.")


def assign(pk: int, to: str, by: audit.Actor, now: datetime) -> Incident:
    """To a person, by name, who hears of it by mail; "": to nobody. Raises `ActError`.

    It acknowledges nothing: whoever it was assigned to may not have seen it yet.
    """

    def act(incident: Incident) -> None:
        incident.assignee, incident.assigned_by = to, by.name if to else ""

    says = f"{by.name} assigned it to {to}." if to else f"{by.name} assigned it to nobody."
    return _act(pk, "incident.assigned", act, by, now, says=says, occasion=Occasion.ASSIGNED)


def resume(pk: int, by: audit.Actor, now: datetime) -> Incident:
    """Nobody sees to it after all: all routes begin again. Raises `ActError`."""

    def act(incident: Incident) -> None:
        escalating.begin_again(incident, list(incident.escalations.all()), now)

    return _act(pk, "incident.resumed", act, by, now, says="")


@transaction.atomic
def _act(
    pk: int,
    action: str,
    act: Callable[[Incident], None],
    by: audit.Actor,
    now: datetime,
    *,
    says: str,
    occasion: Occasion = Occasion.ACKNOWLEDGED,
) -> Incident:
    incident = Incident.objects.select_for_update().filter(pk=pk).first()
    if incident is None or incident.over_at is not None:
        raise ActError("It is over already: there is nothing left to do about it.")
    before = _said(incident)
    act(incident)
    incident.save()
    if incident.acknowledged_at or incident.snoozed_at:
        Escalation.objects.filter(incident=incident).update(next_at=None)
    audit.record(by, action, ("incident", str(pk)), before=before, after=_said(incident))
    if says and incident.told_at is not None:
        summary = summarise(knowing.group_of(incident), occasion, now, says)
        who = writing.of_threads(incident, "you heard of it before")
        if occasion == Occasion.ASSIGNED and incident.assignee != by.name:
            who += watching.by_name(incident.assignee, "it was assigned to you", summary.severity, now)
        writing.write(summary, who, now, incident=incident)
    changes.tell("problems", "alerts")
    return incident


def _said(incident: Incident) -> dict[str, object]:
    return {
        "acknowledged_by": incident.acknowledged_by,
        "snoozed_by": incident.snoozed_by,
        "snoozed_until": incident.snoozed_until,
        "until_grown": incident.until_grown,
        "assignee": incident.assignee,
    }
