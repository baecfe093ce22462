"""What people are told that is about no problem: an entry for any room that has something to say."""

from collections.abc import Iterable
from datetime import datetime

from sagas import changes
from sagas.alerts import registered, routes, writing
from sagas.alerts.message import Summary
from sagas.alerts.people import watching
from sagas.alerts.wording import line
from sagas.models import Preferences
from sagas.vocabulary import Occasion, Severity


def write(
    title: str,
    explanation: str,
    link: str,
    because: str,
    now: datetime,
    *,
    lines: Iterable[str] = (),
    people: Iterable[Preferences] = (),
) -> None:
    """Have it told to the channels of the default route, and to these people, also in their quiet hours.

    Part of the caller's transaction. `because` completes "Why you". Nobody may be there to tell: then the
    alert alone is kept.
    """
    names = routes.in_force().stand_ins
    summary = Summary(
        occasion=Occasion.NOTICE,
        title=line(title),
        explanation=line(explanation),
        link=link,
        lines=tuple(map(line, lines)),
    )
    audience = writing.of_channels(names, (), because, "UTC")
    channel = registered.usable([registered.PEOPLE])
    for one in people:
        audience += watching.person(channel, one, because, Severity.CRITICAL, now)
    writing.write(summary, audience, now, stand_ins=names, is_kept=True)
    changes.tell("alerts")
