"""Telling people: alerts and their deliveries, written from how problems stand and what people know.

Run by every sweep, so nothing is lost when a process dies in between: rows say what is so and what was told,
this brings the two together. What to tell is decided by `policy`, whom by `routing`; both are pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from django.db import transaction

from sagas import changes
from sagas.alerts import escalating, knowing, policy, routes, silences, statements, writing
from sagas.alerts.escalating import Taken
from sagas.alerts.knowing import Group, Known
from sagas.alerts.people import watching
from sagas.alerts.policy import Standing
from sagas.alerts.silences import Silenced
from sagas.alerts.summarising import summarise
from sagas.alerts.writing import Audience
from sagas.mistakes import MISTAKES
from sagas.models import Escalation, Incident, Listening, Membership
from sagas.sql import run
from sagas.vocabulary import Occasion

log = structlog.get_logger()

# Alerts in one transaction; the next sweep takes the rest.
MOST = 50

# A sweep that came this long after the one before was away (sagas.detection.silence.watch).
AWAY = timedelta(seconds=30)

AGAIN = "you heard of it before"


@transaction.atomic
def tell(now: datetime) -> int:
    """Write the alerts that are due at `now`, each with its deliveries; how many."""
    ((is_ours,),) = run(statements.BE_TELLER)
    if not is_ours:
        return 0
    known = knowing.problems()
    if not known:
        return 0
    teller = Teller(now, routes.in_force(), silences.in_force(now), is_settling(now))
    written = teller.tell(known)
    if written:
        changes.tell("problems", "alerts")
    return written


def is_settling(now: datetime) -> bool:
    """Whether Amends was away until a moment ago: what was sent meanwhile may yet arrive."""
    listening = Listening.objects.first()
    return (
        listening is not None
        and listening.since - listening.deaf_since > AWAY
        and now < listening.since + policy.SETTLING
    )


@dataclass(frozen=True, slots=True)
class Teller:
    """One round of telling."""

    now: datetime
    routes: routes.InForce
    silences: list[Silenced]
    is_settling: bool

    def tell(self, known: dict[int, Known]) -> int:
        groups, homeless = knowing.groups(known, self.now)
        self._take_in(homeless, groups)
        steps: dict[int, list[Escalation]] = {group.incident.pk: [] for group in groups}
        for row in Escalation.objects.filter(incident__in=steps).order_by("pk"):
            steps[row.incident_id].append(row)
        written = 0
        for group in groups:
            pk = group.incident.pk
            try:
                with transaction.atomic():
                    written += self._attend(group, steps[pk])
            except MISTAKES:
                # The others are told all the same, and this one is looked at by the next sweep.
                log.exception("alerts: people cannot be told", incident=pk)
            if written >= MOST:
                break
        return written

    def _is_hidden(self, problems: Iterable[Known]) -> bool:
        return all(silences.hiding(one.subject, self.silences, self.now) for one in problems)

    def _take_in(self, homeless: Sequence[Known], groups: list[Group]) -> None:
        """Give open problems an incident: the open one of their participant, or one of their own."""
        if self.is_settling:
            return
        for one in homeless:
            if self._is_hidden([one]):
                continue
            incident = knowing.home_of(one, [group.incident for group in groups], self.now)
            if incident is None:
                incident = Incident.objects.create(
                    key=uuid4(), participant=one.participant, opened_at=self.now, joined_at=self.now
                )
                groups.append(Group(incident, []))
            else:
                incident.joined_at = self.now
                incident.save(update_fields=["joined_at"])
            Membership.objects.create(incident=incident, problem_id=one.pk, joined_at=self.now)
            place = next(place for place, group in enumerate(groups) if group.incident.pk == incident.pk)
            there = groups[place]
            groups[place] = Group(incident, [*there.members, one], there.unrouted | {one.pk})

    def _attend(self, group: Group, steps: list[Escalation]) -> int:
        """Tell what is to be told of one incident; how many alerts."""
        incident, standing = group.incident, group.standing()
        decision = policy.decide(standing, group.told(), self.now)
        if standing.closed_at is not None:
            return self._close(group, standing.closed_at, decision, steps)
        if self._is_hidden(group.open_members) or (incident.over_at and self.is_settling):
            return 0
        if incident.over_at is not None or group.came_back:
            self._reopen(group, steps)
            group = replace(group, unrouted=frozenset(one.pk for one in group.members))
        if decision == Occasion.ESCALATED or (decision == Occasion.WORSENED and incident.snoozed_at):
            escalating.begin_again(incident, steps, self.now)
        audience = self._route(group, steps)
        taken = self._take_steps(group, steps)
        audience += taken.first
        later = taken.later
        if incident.told_at is None:
            # Nobody is told before the first step of a route is due.
            return self._write(group, Occasion.OPENED, [*audience, *later], standing) if taken.is_any else 0
        if decision is not None:
            everybody = [*audience, *later, *writing.of_threads(incident, AGAIN)]
            return self._write(group, decision, everybody, standing)
        new = _without_threads(incident, audience) if audience else []
        written = self._write(group, Occasion.OPENED, new) if new else 0
        return written + (self._write(group, Occasion.ESCALATED, later) if later else 0)

    def _take_steps(self, group: Group, steps: list[Escalation]) -> Taken:
        stand_ins = self.routes.stand_ins
        return escalating.take(group.incident, steps, group.open_members, stand_ins, self.now)

    def _reopen(self, group: Group, steps: list[Escalation]) -> None:
        """It is back: people have to see to it anew. What they had accepted is told as if it were new."""
        incident = group.incident
        if group.came_back:
            incident.told_at = None
        Escalation.objects.filter(incident=incident).delete()
        steps.clear()
        incident.over_at = None
        incident.joined_at = self.now
        escalating.forget_acts(incident)
        incident.save()

    def _route(self, group: Group, steps: list[Escalation]) -> list[Audience]:
        """Begin the routes that hold and have not begun; those who have to hear of what joined, at once."""
        joined = [one for one in group.open_members if one.pk in group.unrouted]
        again = self.routes.depend_on_time and group.incident.acknowledged_at is None and not joined
        extra: list[Audience] = []
        for one in joined or (group.open_members if again else ()):
            for hearing in self.routes.ask(one.subject, self.now).hearings:
                begun = next((row for row in steps if row.name == hearing.route.name), None)
                if begun is None and not (again and hearing.is_default):
                    steps.append(escalating.begin(group.incident, hearing))
                elif begun is not None and joined and begun.next_step:
                    extra += escalating.first_of(hearing, [one])
        if joined:
            those = [one.pk for one in joined]
            Membership.objects.filter(incident=group.incident, problem__in=those).update(is_routed=True)
        return extra

    def _write(
        self, group: Group, occasion: Occasion, audience: list[Audience], standing: Standing | None = None
    ) -> int:
        """`standing`: everybody knows it from now on."""
        incident = group.incident
        summary = summarise(group, occasion, self.now)
        if standing is not None:
            audience = [*audience, *self._watchers(group)]
        writing.write(
            summary, audience, self.now, incident=incident, stand_ins=self.routes.stand_ins, is_kept=True
        )
        if standing is not None:
            incident.told_at = self.now
            incident.told_count = standing.count
            incident.told_problems = standing.problems
            incident.told_severity = standing.severity
            incident.told_stake = {currency: str(amount) for currency, amount in standing.stake.items()}
            incident.times_worse = incident.times_worse + 1 if occasion == Occasion.WORSENED else 0
            incident.save()
            run(statements.TELL_PROBLEMS, problems=[one.pk for one in group.members])
        return 1

    def _watchers(self, group: Group) -> list[Audience]:
        """Who asked to hear of one of its problems."""
        pks, types = [one.pk for one in group.members], {one.saga_type for one in group.members}
        return watching.of_problems(pks, types, group.standing().severity, self.now)

    def _close(
        self, group: Group, closed_at: datetime, decision: Occasion | None, steps: list[Escalation]
    ) -> int:
        """`closed_at`: when the last of its problems was over."""
        incident = group.incident
        is_untold = incident.told_at is None and closed_at <= self.now - policy.QUIET
        if incident.over_at is not None or (decision != Occasion.RESOLVED and not is_untold):
            return 0
        audience = writing.of_threads(incident, AGAIN)
        if group.is_accepted:
            # Who is told that it is over would take it for mended; but what others hold open has to end.
            audience = [one for one in audience if writing.keeps_state(one)]
        is_told = incident.told_at is not None and (bool(audience) or not group.is_accepted)
        if is_told:
            summary = summarise(group, Occasion.RESOLVED, self.now)
            if not group.is_accepted:
                audience += self._watchers(group)
            writing.write(summary, audience, self.now, incident=incident, stand_ins=(), is_kept=True)
        incident.over_at = self.now
        if group.is_accepted:
            incident.told_at = None
        elif is_told:
            incident.times_over += 1
        incident.save()
        escalating.stop(steps)
        run(statements.TELL_OVER, problems=[one.pk for one in group.members])
        return int(is_told)


def _without_threads(incident: Incident, audience: Sequence[Audience]) -> list[Audience]:
    """Those who have not heard of it."""
    heard = {(one.channel.pk, one.target) for one in writing.of_threads(incident, "")}
    return [one for one in audience if (one.channel.pk, one.target) not in heard]
