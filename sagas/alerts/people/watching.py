"""Who watches what, and telling them: of problems with everybody else, of single sagas by themselves."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction

from sagas import changes, links, masking, standing, story
from sagas.alerts import registered, writing
from sagas.alerts.message import Summary
from sagas.alerts.people import hours
from sagas.alerts.wording import line
from sagas.alerts.writing import Audience
from sagas.models import Channel, Finding, Preferences, Saga, Watch
from sagas.models.finding import WAITING
from sagas.sql import run
from sagas.vocabulary import LOOKS, Condition, Occasion, Status

# A saga that changes all the time is told of no more often.
PAUSE = timedelta(seconds=60)
# Watches that are told in one transaction; the next sweep takes the rest.
MOST = 50

# Watched sagas that are not as their watcher last heard, each with the row of its watch locked.
CHANGED = """
SELECT watch.id
FROM sagas_watch watch
JOIN sagas_saga saga ON saga.id = watch.saga_id
WHERE watch.told <> saga.status || ' ' || saga.condition
  AND (watch.told_at IS NULL OR watch.told_at <= %(before)s)
ORDER BY watch.id LIMIT %(most)s
FOR NO KEY UPDATE OF watch SKIP LOCKED
"""


def of_problems(
    problems: Collection[int], saga_types: Collection[str], severity: str, now: datetime
) -> list[Audience]:
    """Those who watch one of these problems or saga types, each once."""
    rows = Watch.objects.filter(user__is_active=True).select_related("user__told_how", "problem")
    found = [
        *rows.filter(problem__in=problems).order_by("pk"),
        *rows.filter(saga_type__in=[name for name in saga_types if name]).order_by("pk"),
    ]
    if not found:
        return []
    channel = registered.usable([registered.PEOPLE])
    return [one for watch in found for one in audience(channel, watch, severity, now)]


def audience(channel: Iterable[Channel], watch: Watch, severity: str, now: datetime) -> list[Audience]:
    """The watcher, by e-mail, after their quiet hours; nobody where they named no address."""
    what = (
        f"{watch.saga_type} problems"
        if watch.saga_type
        else "this problem"
        if watch.problem_id
        else "this saga"
    )
    preferences = getattr(watch.user, "told_how", None)
    return person(channel, preferences, f"you watch {what}", severity, now)


def person(
    channel: Iterable[Channel], preferences: Preferences | None, because: str, severity: str, now: datetime
) -> list[Audience]:
    if preferences is None or not preferences.mail:
        return []
    loud = hours.is_loud(severity, preferences.loud_from)
    later = hours.quiet_until(
        now, preferences.zone, preferences.quiet_from, preferences.quiet_until, is_loud=loud
    )
    return [Audience(one, preferences.mail, because, preferences.zone, not_before=later) for one in channel]


@transaction.atomic
def tell(now: datetime) -> int:
    """Tell of watched sagas that have changed; how many watches were seen to."""
    pks = [pk for (pk,) in run(CHANGED, before=now - PAUSE, most=MOST)]
    watches = list(Watch.objects.filter(pk__in=pks).select_related("user__told_how", "saga").order_by("pk"))
    channel = registered.usable([registered.PEOPLE]) if watches else []
    for watch in watches:
        if watch.saga:
            _tell(watch, watch.saga, channel, now)
    if watches:
        changes.tell("alerts")
    return len(watches)


def _tell(watch: Watch, saga: Saga, channel: Iterable[Channel], now: datetime) -> None:
    was, watch.told, watch.told_at = watch.told, state_of(saga), now
    watch.save(update_fields=["told", "told_at"])
    if watch.user.is_active:
        finding = _finding(saga)
        severity = finding.severity if finding else ""
        writing.write(summarise(saga, was, finding, now), audience(channel, watch, severity, now), now)


def state_of(saga: Saga) -> str:
    """What a watcher is told of when it changes."""
    return f"{saga.status} {saga.condition}"


def summarise(saga: Saga, was: str, finding: Finding | None, now: datetime) -> Summary:
    """How a watched saga is now. Masked, whoever reads it."""
    masks = masking.of(saga.saga_type)
    state, definition = standing.of(saga, now)
    told = story.plain(story.tell(masks.state(state), [], definition, now)[:1])
    return Summary(
        occasion=Occasion.NOTICE,
        title=f"{line(saga.saga_id)} {_words(state_of(saga))}",
        saga_type=line(saga.saga_type),
        type_title=line(definition.title) if definition else line(saga.saga_type),
        explanation=f"It {_words(was)} when you last heard" if was else "",
        story=line(told),
        runbook=line(definition.runbook) if definition else "",
        lines=(line(f"{finding.problem.title}, since {finding.since:%H:%M} UTC."),) if finding else (),
        link=links.saga(saga.saga_type, saga.saga_id),
    )


def _words(state: str) -> str:
    """`is running, and stuck`; `has completed`"""
    status, _, condition = state.partition(" ")
    label = LOOKS[Status(status)].label.lower()
    verb = "is" if status in {Status.RUNNING, Status.COMPENSATING, Status.SUSPENDED} else "has ended:"
    if condition == Condition.HEALTHY:
        return f"{verb} {label}"
    return f"{verb} {label}, and {LOOKS[Condition(condition)].label.lower()}"


def _finding(saga: Saga) -> Finding | None:
    """The worst that is found of it."""
    found = Finding.objects.filter(WAITING, saga=saga).select_related("problem")
    return max(
        found, key=lambda one: (list(Condition).index(Condition(one.condition)), -one.pk), default=None
    )
