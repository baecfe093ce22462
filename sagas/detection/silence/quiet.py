"""Who is silent now. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sagas.detection.silence.rhythm import PERIOD

# How the problem of all who fell silent together is known; one participant's is known by its name.
EVERYBODY = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A participant that was heard at least once. Lengths of time in seconds."""

    participant: int  # its key
    name: str
    owner: str
    heard_at: datetime
    patience: float | None  # None: it is not judged
    usual: float | None
    is_declared: bool
    listened_since: datetime | None  # None: nothing was learned yet
    # Of the silence that is open: its key, when it was last heard then, and how its problem is known.
    silence: int | None = None
    silent_since: datetime | None = None
    told_as: str = EVERYBODY

    @property
    def is_new(self) -> bool:
        """Whether its rhythm is younger than two weekends, and may have a pause that nobody knows of yet."""
        if self.is_declared:
            return False
        return self.listened_since is None or self.heard_at - self.listened_since < PERIOD

    def has_been_silent(self, since: datetime, now: datetime) -> bool:
        return self.patience is not None and now - since > timedelta(seconds=self.patience)


def find_silent(
    sources: Iterable[Source], newest: datetime, listening_since: datetime, now: datetime
) -> dict[str, list[Source]]:
    """Who is silent, by how their problem is known (a name, or EVERYBODY).

    `newest`: when anybody was last heard. Nobody is found silent before Amends itself has listened for as
    long as they may be; who was found silent stays so until heard. Several who were all within their time
    when the last word of anybody came, and nobody has spoken since, are more likely not heard than silent.
    """
    alone, together = [], []
    for source in sources:
        is_known = source.silent_since is not None and source.heard_at <= source.silent_since
        since = source.heard_at if is_known else max(source.heard_at, listening_since)
        if not source.has_been_silent(since, now):
            continue
        if not source.has_been_silent(source.heard_at, newest):
            together.append(source)
        elif not (is_known and source.told_as == EVERYBODY):
            # One of those who fell silent together gets its own time again when somebody else is heard.
            alone.append(source)
    found = {source.name: [source] for source in alone}
    if len(together) > 1:
        found[EVERYBODY] = together
    else:
        found |= {source.name: [source] for source in together}
    return found
