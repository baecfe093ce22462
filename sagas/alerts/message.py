"""What is told: all that a message says, whatever channel it takes. Masked, and every text on one line."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from sagas.vocabulary import Occasion


class Example(Struct, frozen=True):
    """A saga that has the problem."""

    id: str
    link: str


class Part(Struct, frozen=True):
    """One of several problems that are told of together."""

    title: str
    saga_type: str
    count: int
    link: str


class Acts(Struct, frozen=True):
    """Signed addresses of pages on which whoever was told may act, without signing in; they expire."""

    acknowledge: str
    snooze: str


class Words(Struct, frozen=True):
    """A part of a sentence; a time in it, which `text` tells in UTC, is told in the zone of each route."""

    text: str
    at: datetime | None = None


class Summary(Struct, frozen=True, kw_only=True):
    """What was true when it was written; kept with the alert, and the same for everybody who is told.

    A problem; or several of one participant (`problems`), of which `title` and what follows describe the
    worst. For a test, digest or notice `title` and `explanation` say it all, and `lines` what belongs to it.
    `severity` and `condition` are words of sagas.vocabulary, empty where there is no problem.
    """

    occasion: Occasion
    problem: int | None = None
    saga_type: str = ""
    type_title: str = ""
    step: str = ""
    code: str = ""
    condition: str = ""
    severity: str = ""
    title: str
    explanation: str = ""
    participant: str = ""
    owner: str = ""
    runbook: str = ""  # an address, or words
    # Sagas: now, when people last heard, and ever.
    count: int = 0
    told_before: int = 0
    total: int = 0
    # In words, an amount a currency; empty where nobody knows.
    stake: str = ""
    since: datetime | None = None
    closed_at: datetime | None = None
    # The first of its story, about the saga that has waited longest.
    sentence: tuple[Words, ...] = ()
    link: str = ""
    sagas: tuple[Example, ...] = ()
    problems: tuple[Part, ...] = ()
    problem_count: int = 1
    lines: tuple[str, ...] = ()
    # Where it is no problem: what it is about, by which its messages are one thread; empty: it stands alone.
    about: str = ""
    # Who acknowledged, put off or accepted it, and in which words; empty: nobody yet.
    handled: str = ""

    @property
    def is_over(self) -> bool:
        return self.occasion == Occasion.RESOLVED


class Message(Summary, frozen=True, kw_only=True):
    """One alert to one target of one channel.

    `id` stays the same over retries, by which whoever gets it twice can tell. `thread` is the same for all
    messages of one thread (a problem from its opening to its end, also when it comes back within the hour),
    in whatever channel: the key by which a paging service knows it. `because` says why this channel hears of
    it now: the route, the step, or for which other channel it stands in.
    """

    id: UUID
    thread: str
    at: datetime
    zone: str = "UTC"
    because: str = ""
    story: str = ""  # `sentence`, with its times in `zone`
    acts: Acts | None = None

    def local(self, moment: datetime) -> str:
        """A time in the zone of its route: `2 Jan 2026 10:02:37 UTC`."""
        there = moment.astimezone(ZoneInfo(self.zone))
        return f"{there.day} {there:%b %Y %H:%M:%S %Z}"
