"""What people are told that is about no problem: an entry for any room that has something to say."""

from collections.abc import Iterable
from datetime import datetime

from sagas import changes
from sagas.alerts import routes, writing
from sagas.alerts.message import Summary
from sagas.alerts.wording import line
from sagas.vocabulary import Occasion


def write(
    title: str, explanation: str, link: str, because: str, now: datetime, *, lines: Iterable[str] = ()
) -> None:
    """Have it told to the channels of the default route; part of the caller's transaction.

    `because` completes "Why you". Nobody may be there to tell: then the alert alone is kept.
    """
    names = routes.in_force().stand_ins
    summary = Summary(
        occasion=Occasion.NOTICE,
        title=line(title),
        explanation=line(explanation),
        link=link,
        lines=tuple(map(line, lines)),
    )
    audience = writing.of_channels(names, [""], because, "UTC")
    writing.write(summary, audience, now, stand_ins=names, is_kept=True)
    changes.tell("alerts")
