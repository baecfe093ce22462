"""Why a repair was not started or cancelled; each as text is what a person is told."""

from collections.abc import Sequence
from datetime import datetime

from compensation import policy
from compensation.models import Repair
from compensation.plan import Plan, Refusal
from compensation.policy import Requirement
from compensation.subject import Rival
from sagas.models import Event


class RepairError(Exception):
    """A repair could not be started or cancelled; nothing was changed and nothing sent."""


class ReasonMissingError(RepairError):
    """`field` is what was left empty: "reason" or "evidence"."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(
            "Say why: the reason is kept with the repair and in the audit log."
            if field == "reason"
            else "Say what shows that it was done elsewhere: a ticket, a receipt, who did it."
        )


class RefusedError(RepairError):
    """The plan cannot be started as it stands."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.refusals: Sequence[Refusal] = plan.refusals
        super().__init__(" ".join(refusal.why for refusal in plan.refusals))


class ChangedError(RepairError):
    """The saga, or what would be sent for it, is not what was looked at. `plan` is what it would be now.

    `events` are those that have come since, oldest first; none where time, a definition or a participant's
    address has changed the plan.
    """

    def __init__(self, then: int, now: int, events: Sequence[Event], plan: Plan) -> None:
        self.then, self.now, self.events, self.plan = then, now, events, plan
        super().__init__(
            f"The saga has changed since you looked: {_count(now - then)}."
            if now != then
            else "What would be done has changed since you looked: a deadline has passed, or a definition or "
            "an address was changed."
        )


class AgreementMissingError(RepairError):
    """By the policy others have to agree first; `requirement` says who, and why."""

    def __init__(self, requirement: Requirement) -> None:
        self.requirement = requirement
        people = policy.missing(requirement, ())
        super().__init__(f"{' '.join(requirement.because)} So {people} must agree first.")


class AlreadyRunningError(RepairError):
    """Somebody was faster."""

    def __init__(self, rival: Rival) -> None:
        self.repair_pk, self.by, self.since = rival.pk, rival.by, rival.since
        super().__init__(f"{rival.by} has R-{rival.pk} at work on this saga since {_time(rival.since)}.")


class NotRunningError(RepairError):
    """There is nothing left to cancel."""

    def __init__(self, repair: Repair) -> None:
        self.repair = repair
        super().__init__(f"{repair} is {repair.state} already.")


def _count(events: int) -> str:
    return "1 new event" if events == 1 else f"{events} new events"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
