"""Who watches what, and telling them: of problems with everybody else, of single sagas by themselves."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from sagas import changes, definitions, links
from sagas.alerts import registered, writing
from sagas.alerts.message import Summary
from sagas.alerts.people import hours
from sagas.alerts.people.reaching import reachable
from sagas.alerts.summarising import first_sentence
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
    types = [name for name in saga_types if name]
    found = list(Watch.objects.filter(Q(problem__in=problems) | Q(saga_type__in=types)).order_by("pk"))
    channel = registered.usable([registered.PEOPLE]) if found else []
    known = _preferences(found)
    return [
        one
        for watch in found
        if watch.user_id in known
        for one in person(channel, known[watch.user_id], _because(watch), severity, now)
    ]


def _preferences(watches: Iterable[Watch]) -> dict[int, Preferences]:
    """Of those who can be told, by the key of the person."""
    found = reachable().filter(user__in=[watch.user_id for watch in watches])
    return {one.user_id: one for one in found}


def _because(watch: Watch) -> str:
    if watch.saga_type:
        return f"you watch {watch.saga_type} problems"
    return "you watch this problem" if watch.problem_id else "you watch this saga"


def person(
    channel: Iterable[Channel], preferences: Preferences, because: str, severity: str, now: datetime
) -> list[Audience]:
    """Somebody, by e-mail, once their quiet hours are over."""
    loud = hours.is_loud(severity, preferences.loud_from)
    later = hours.quiet_until(
        now, preferences.zone, preferences.quiet_from, preferences.quiet_until, is_loud=loud
    )
    return [Audience(one, preferences.mail, because, preferences.zone, not_before=later) for one in channel]


def by_name(username: str, because: str, severity: str, now: datetime) -> list[Audience]:
    """One person, if they can be told."""
    found = reachable().filter(user__username=username)
    channel = registered.usable([registered.PEOPLE]) if found else []
    return [one for each in found for one in person(channel, each, because, severity, now)]


@transaction.atomic
def tell(now: datetime) -> int:
    """Tell of watched sagas that have changed; how many watches were seen to."""
    pks = [pk for (pk,) in run(CHANGED, before=now - PAUSE, most=MOST)]
    if not pks:
        return 0
    watches = list(Watch.objects.filter(pk__in=pks).select_related("saga").order_by("pk"))
    channel = registered.usable([registered.PEOPLE])
    known = _preferences(watches)
    for watch in watches:
        if watch.saga is None:
            continue
        was, watch.told, watch.told_at = watch.told, state_of(watch.saga), now
        watch.save(update_fields=["told", "told_at"])
        if watch.user_id in known:
            finding = _finding(watch.saga)
            severity = finding.severity if finding else ""
            who = person(channel, known[watch.user_id], _because(watch), severity, now)
            writing.write(summarise(watch.saga, was, finding, now), who, now)
    changes.tell("alerts")
    return len(watches)


def state_of(saga: Saga) -> str:
    """What a watcher is told of when it changes."""
    return f"{saga.status} {saga.condition}"


def summarise(saga: Saga, was: str, finding: Finding | None, now: datetime) -> Summary:
    """How a watched saga is now. Masked, whoever reads it."""
    definition = definitions.by_key(saga.definition_id) if saga.definition_id else None
    return Summary(
        occasion=Occasion.NOTICE,
        title=f"{line(saga.saga_id)} {_words(state_of(saga))}",
        saga_type=line(saga.saga_type),
        type_title=line(definition.title) if definition else line(saga.saga_type),
        explanation=f"It {_words(was)} when you last heard" if was else "",
        since=finding.since if finding else None,
        sentence=first_sentence(saga, finding, now),
        runbook=line(definition.runbook) if definition else "",
        lines=(line(f"{finding.problem.title}."),) if finding else (),
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
    return max(found, key=lambda one: (Condition(one.condition).rank, -one.pk), default=None)
