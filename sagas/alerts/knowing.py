"""What is so, and which problems belong together: read for whoever tells people of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sagas.alerts import policy, statements
from sagas.alerts.matching import Subject
from sagas.alerts.policy import Standing, Told
from sagas.models import Incident
from sagas.sql import decode, run
from sagas.vocabulary import TOLD, Code, Severity


class Known(NamedTuple):
    """A problem as it is. `stakes`: amounts as text by currency, as JSON."""

    pk: int
    saga_type: str
    step: str
    code: str
    condition: str
    severity: str
    participant: str
    owner: str
    open_count: int
    accepted_count: int
    told_count: int
    opened_at: datetime
    closed_at: datetime | None
    stakes: str | None

    @property
    def stake(self) -> dict[str, Decimal]:
        amounts = decode(self.stakes) if self.stakes else {}
        return {currency: Decimal(amount) for currency, amount in amounts.items()}

    @property
    def growing(self) -> int:
        """Sagas whose number is news: more that wait for a silent participant are none."""
        return 0 if self.code == Code.SOURCE_SILENT else self.open_count

    @property
    def subject(self) -> Subject:
        """For conditions."""
        return Subject(
            self.saga_type,
            self.step,
            self.code,
            self.condition,
            self.severity,
            self.participant,
            self.owner,
            self.open_count,
            self.stake,
        )


@dataclass(frozen=True, slots=True)
class Group:
    """An incident and its problems; `unrouted`: those that routes were not asked about since they joined."""

    incident: Incident
    members: Sequence[Known]
    unrouted: frozenset[int] = frozenset()

    @property
    def open_members(self) -> list[Known]:
        return [one for one in self.members if one.closed_at is None]

    @property
    def is_accepted(self) -> bool:
        """Nothing of it waits for anybody, as people left some of it as it is."""
        return not self.open_members and any(one.accepted_count for one in self.members)

    @property
    def came_back(self) -> bool:
        """Whether people had accepted all of it, and new evidence has brought it back since."""
        is_known = self.incident.told_at is not None and self.incident.over_at is None
        return is_known and not any(one.told_count for one in self.members)

    def standing(self) -> Standing:
        counted = self.open_members or self.members
        stake: dict[str, Decimal] = {}
        for one in counted:
            for currency, amount in one.stake.items():
                stake[currency] = stake.get(currency, Decimal()) + amount
        return Standing(
            count=sum(one.growing for one in counted),
            problems=len(counted),
            severity=max((Severity(one.severity) for one in counted), key=lambda word: word.rank),
            stake=stake,
            closed_at=None
            if self.open_members
            else max(one.closed_at for one in self.members if one.closed_at),
        )

    def told(self) -> Told | None:
        row = self.incident
        if row.told_at is None or self.came_back:
            return None
        return Told(
            count=row.told_count,
            problems=row.told_problems,
            severity=Severity(row.told_severity),
            at=row.told_at,
            stake={currency: Decimal(amount) for currency, amount in row.told_stake.items()},
            times=row.times_worse,
            times_over=row.times_over,
            is_over=row.over_at is not None,
            is_acknowledged=row.acknowledged_at is not None,
            snoozed_until=row.snoozed_until,
            until_grown=row.until_grown,
        )


def problems() -> dict[int, Known]:
    """All that people are or may be told of."""
    rows = run(statements.STANDING, severities=list(TOLD))
    return {row[0]: Known(*row) for row in rows}


def groups(known: Mapping[int, Known], now: datetime) -> tuple[list[Group], list[Known]]:
    """The incidents that are open or may come back, locked; and the open problems that have none.

    An incident that a person is just acting on is left out with its problems: the next sweep finds it.
    """
    rows = run(statements.MEMBERS, problems=list(known), since=now - policy.SAME_THREAD)
    newest = {problem: incident for incident, problem, _ in rows}
    unrouted = frozenset(problem for incident, problem, is_routed in rows if not is_routed)
    wanted = sorted(set(newest.values()))
    locked = Incident.objects.select_for_update(skip_locked=True).order_by("pk").in_bulk(wanted)
    members: dict[int, list[Known]] = {pk: [] for pk in locked}
    for problem, incident in newest.items():
        if incident in members and problem in known:
            members[incident].append(known[problem])
    found = [Group(locked[pk], those, unrouted) for pk, those in members.items() if those]
    homeless = [one for one in known.values() if one.pk not in newest and one.closed_at is None]
    return found, homeless


def group_of(incident: Incident) -> Group:
    """One incident, whatever has become of it."""
    ids = set(incident.memberships.values_list("problem_id", flat=True))
    rows = run(statements.THESE, problems=list(ids))
    return Group(incident, [Known(*row) for row in rows])


def home_of(problem: Known, incidents: Iterable[Incident], now: datetime) -> Incident | None:
    """The open incident of its participant that it belongs to, if problems of it opened a short while ago."""
    if not problem.participant:
        return None
    found = [
        one
        for one in incidents
        if one.over_at is None
        and one.participant == problem.participant
        and now - one.joined_at <= policy.STORM
    ]
    return max(found, key=lambda one: one.joined_at, default=None)
