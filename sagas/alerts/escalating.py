"""Going through the steps of a route while nobody sees to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sagas.alerts import routing, writing
from sagas.alerts.knowing import Known
from sagas.alerts.routing import Hearing
from sagas.alerts.writing import Audience
from sagas.models import Escalation, Incident


@dataclass(slots=True)
class Taken:
    """Who hears by a first step, and by a later one; and whether any was due, though it may reach nobody."""

    first: list[Audience] = field(default_factory=list)
    later: list[Audience] = field(default_factory=list)
    is_any: bool = False


def begin(incident: Incident, hearing: Hearing) -> Escalation:
    """The route is kept as it is now: whoever changes it changes nothing that is under way."""
    return Escalation.objects.create(
        incident=incident,
        route=routing.to_json(hearing.route),
        name=hearing.route.name,
        is_default=hearing.is_default,
        next_at=hearing.steps[0].at,
    )


def take(
    incident: Incident,
    rows: Sequence[Escalation],
    problems: Sequence[Known],
    stand_ins: Sequence[str],
    now: datetime,
) -> Taken:
    """Take the steps that are due.

    Once somebody sees to it, or has put it off, no further step is taken. Where all channels of a step are
    switched off, the `stand_ins` hear.
    """
    taken = Taken()
    is_stopped = incident.acknowledged_at is not None or incident.snoozed_at is not None
    owners = [one.owner for one in problems]
    for row in rows:
        route = routing.read(row.route)
        was = row.next_step, row.next_at
        while row.next_at is not None and row.next_at <= now:
            step = route.steps[row.next_step % len(route.steps)]
            because = routing.because(route, row.next_step, is_default=row.is_default)
            reached = writing.of_channels(step.channels, owners, because, route.zone)
            if not reached:
                because = f"{because}, whose channels reach nobody"
                reached = writing.of_channels(stand_ins, owners, because, route.zone)
            (taken.later if row.next_step else taken.first).extend(reached)
            taken.is_any = True
            _advance(row, route, now, is_stopped=is_stopped)
        if (row.next_step, row.next_at) != was:
            row.save(update_fields=["next_step", "next_at"])
    return taken


def _advance(row: Escalation, route: routing.Route, now: datetime, *, is_stopped: bool) -> None:
    row.next_step += 1
    place = row.next_step % len(route.steps)
    wait = route.steps[place].after if place else route.repeat_after
    is_last = row.next_step >= len(route.steps) * (route.repeats + 1)
    row.next_at = None if is_last or is_stopped else now + timedelta(seconds=wait)


def first_of(hearing: Hearing, problems: Iterable[Known]) -> list[Audience]:
    """Whom the first step of a route reaches of these problems' owners and channels."""
    route = hearing.route
    because = routing.because(route, 0, is_default=hearing.is_default)
    return writing.of_channels(route.steps[0].channels, [one.owner for one in problems], because, route.zone)


def begin_again(incident: Incident, rows: Sequence[Escalation], now: datetime) -> None:
    """It was put off and is not any more: all routes from their first step."""
    forget_acts(incident)
    incident.save()
    for row in rows:
        row.next_step, row.next_at = 0, now
        row.save(update_fields=["next_step", "next_at"])


def forget_acts(incident: Incident) -> None:
    """Nobody sees to it any more; not saved. It stays assigned."""
    incident.acknowledged_at = incident.snoozed_at = incident.snoozed_until = None
    incident.acknowledged_by = incident.snoozed_by = ""
    incident.until_grown = False


def stop(rows: Iterable[Escalation]) -> None:
    Escalation.objects.filter(pk__in=[row.pk for row in rows]).update(next_at=None)
