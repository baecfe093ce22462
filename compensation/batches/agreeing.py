"""Four eyes: who has to agree to a batch is asked, and agrees to exactly the plan that they looked at.

What must be agreed to was settled by the policy when it was planned (`compensation.policy`). Whoever planned
it never agrees to it. An admin may start it against the policy, with a reason that stays in sight for good.
"""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from compensation import begun, policy
from compensation.batches import deciding, demands
from compensation.batches.refusals import ExpiredError, MayNotAgreeError, NotAskedError
from compensation.models import Batch, Review
from compensation.policy import Requirement
from compensation.refusals import ReasonMissingError
from compensation.wording import clean
from sagas import links
from sagas.alerts import notices
from sagas.alerts.people.reaching import reachable
from sagas.audit import Actor
from sagas.models import Preferences

State = Batch.State
Verdict = Review.Verdict


def requirement_of(batch: Batch) -> Requirement | None:
    return policy.read(batch.requirement)


def ask(
    batch: Batch, plan_hash: str, by: Actor, *, typed: int | None = None, now: datetime | None = None
) -> Batch:
    """Ask those who must agree; until `expires_at` they may.

    Raises NotSoError, OtherPlanError, CountMissingError; NotAskedError where nobody has to agree.
    """
    now = now or timezone.now()
    with transaction.atomic():
        locked = deciding.locked(batch, {State.PLANNED}, "put to others", plan_hash)
        requirement = requirement_of(locked)
        if requirement is None:
            raise NotAskedError(locked)
        deciding.check_count(locked, typed)
        locked.expires_at = now + timedelta(seconds=requirement.expires)
        locked.save(update_fields=["expires_at"])
        # Whoever said no before may have thought again; it is another question.
        locked.reviews.all().delete()
        deciding.turn(locked, State.ASKING, "")
        who = demands.missing(locked)
        deciding.note(locked, by, "batch.asked", after={"plan_hash": plan_hash, "who": who})
        _tell(locked, requirement, who, now)
    return locked


def agree(
    batch: Batch,
    plan_hash: str,
    by: Actor,
    user: User,
    note: str = "",
    *,
    typed: int | None = None,
    now: datetime | None = None,
) -> Batch:
    """Agree to exactly this plan. The last one who has to makes it ready to be started.

    Raises MayNotAgreeError, ExpiredError, and as `ask` does.
    """
    with transaction.atomic():
        locked = _asked(batch, plan_hash, user, now or timezone.now())
        deciding.check_count(locked, typed)
        _keep(locked, Verdict.AGREED, by, user, note)
        deciding.note(locked, by, "batch.agreed", reason=clean(note), after={"plan_hash": plan_hash})
        if not demands.missing(locked):
            deciding.turn(locked, State.AGREED, "")
    return locked


def deny(
    batch: Batch, plan_hash: str, by: Actor, user: User, note: str, *, now: datetime | None = None
) -> Batch:
    """Say no, and why; whoever planned it may ask again. Raises ReasonMissingError, and as `agree` does."""
    note = clean(note)
    if not note:
        raise ReasonMissingError("reason")
    with transaction.atomic():
        locked = _asked(batch, plan_hash, user, now or timezone.now())
        _keep(locked, Verdict.DENIED, by, user, note)
        deciding.turn(locked, State.PLANNED, f"{by.name} did not agree: {note}")
        deciding.note(locked, by, "batch.denied", reason=note, after={"plan_hash": plan_hash})
    return locked


def break_glass(
    batch: Batch,
    plan_hash: str,
    by: Actor,
    reason: str,
    user: User | None = None,
    *,
    typed: int | None = None,
) -> Batch:
    """Start it although others should agree first. Only for admins, which the caller has checked."""
    reason = clean(reason)
    if not reason:
        raise ReasonMissingError("reason")
    with transaction.atomic():
        locked = deciding.locked(batch, {State.PLANNED, State.ASKING}, "started", plan_hash)
        if requirement_of(locked) is None:
            raise NotAskedError(locked)
        deciding.check_count(locked, typed)
        begun.lock(user)
        locked.broken_glass = f"{by.name}: {reason}"
        locked.save(update_fields=["broken_glass"])
        after = {"plan_hash": plan_hash, "who_should_have": demands.missing(locked)}
        deciding.note(locked, by, "batch.glass_broken", reason=reason, after=after)
        deciding.begin(locked, by, user, reason)
    return locked


def expire(now: datetime) -> int:
    """Take back what was asked, or agreed to, for too long; how many there were."""
    late = Batch.objects.filter(state__in=[State.ASKING, State.AGREED], expires_at__lte=now)
    for batch in late:
        with transaction.atomic():
            locked = Batch.objects.select_for_update().get(pk=batch.pk)
            if (
                locked.state in {State.ASKING, State.AGREED}
                and locked.expires_at
                and locked.expires_at <= now
            ):
                deciding.turn(
                    locked, State.PLANNED, "The time in which it could be agreed to and started is over."
                )
                deciding.note(locked, Actor.system(), "batch.expired")
    return len(late)


def why_not(batch: Batch, user: User) -> str:
    """Why this person's agreement would not count; empty: it would."""
    requirement = requirement_of(batch)
    if requirement is None or batch.state != State.ASKING:
        return "Nobody is asked to agree to it now."
    if user.pk in demands.excluded(batch):
        return "You planned it, so that somebody else has to agree."
    if not requirement.groups & groups_of(user):
        return f"Only {policy.people(1, sorted(requirement.groups))} can agree to it."
    if batch.reviews.filter(plan_hash=batch.plan_hash, by=user).exists():
        return "You have said so already."
    return ""


def waiting_for(user: User, most: int | None = None) -> list[Batch]:
    """What this person's agreement is asked for, the oldest first; by two queries at most, however many."""
    asking = Batch.objects.filter(state=State.ASKING).exclude(planned_by=user).order_by("pk")
    said = Review.objects.filter(batch=OuterRef("pk"), plan_hash=OuterRef("plan_hash"), by=user)
    if not (asked := list(asking.exclude(Exists(said))[:most])):
        return []
    groups = groups_of(user)
    return [
        batch for batch in asked if (requirement := requirement_of(batch)) and requirement.groups & groups
    ]


def groups_of(user: User) -> frozenset[str]:
    return frozenset(user.groups.values_list("name", flat=True))


def _tell(batch: Batch, requirement: Requirement, who: str, now: datetime) -> None:
    """People who may agree may not be looking at their inbox."""
    count = batch.summary["sagas"]
    until = f" until {batch.expires_at:%Y-%m-%d %H:%M} UTC" if batch.expires_at else ""
    notices.write(
        f"{batch} waits for agreement: {batch.intent} {count:,} saga{'' if count == 1 else 's'}",
        f"{batch.planned_by_name} planned it: {batch.reason}",
        links.batch(batch.pk),
        f"{who} must agree to a repair",
        now,
        lines=[*requirement.because, *map(str, demands.recent_of(batch)), f"Wanted{until}: {who}."],
        people=_reachable(batch, requirement),
    )


def _reachable(batch: Batch, requirement: Requirement) -> QuerySet[Preferences]:
    """Those who may agree and have said where mail reaches them."""
    theirs = reachable().filter(user__groups__name__in=requirement.groups)
    return theirs.exclude(user__in=demands.excluded(batch)).order_by("pk").distinct()


def _asked(batch: Batch, plan_hash: str, user: User, now: datetime) -> Batch:
    locked = deciding.locked(batch, {State.ASKING}, "agreed to", plan_hash)
    if locked.expires_at and locked.expires_at <= now:
        raise ExpiredError(locked)
    if why := why_not(locked, user):
        raise MayNotAgreeError(why)
    return locked


def _keep(batch: Batch, verdict: Verdict, by: Actor, user: User, note: str) -> None:
    Review.objects.create(
        batch=batch,
        plan_hash=batch.plan_hash,
        verdict=verdict,
        by=user,
        by_name=by.name,
        groups=sorted(groups_of(user)),
        note=clean(note),
        at=timezone.now(),
    )
