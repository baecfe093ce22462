"""How fast each participant is called: so many at once, so many a second, not at all while it needs rest.

A lane closes for as long as a participant asks for (Retry-After), and by itself after FAILURES transient ends
in a row: the circuit breaker of Nygard, *Release It!* ch. 5. One call after that is the probe: only once it
has come through, others follow.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

# Transient ends in a row after which a participant is left alone.
FAILURES = 5
# Seconds that it is left alone for, at first and at most; they double with every further failure.
FIRST, LONGEST = 2.0, 60.0
# A participant's Retry-After is honoured up to so many seconds.
LONGEST_ASKED = 900.0
# A claim is made at most so many seconds before its call is due: it only holds for a while.
MOMENT = 1.0
# Calls that are claimed ahead of the answers at most, however fast these come.
MOST_AHEAD = 512
# What the newest call counts for in how long one takes.
NEWEST = 0.1


@dataclass(slots=True)
class Lane:
    """The calls to one participant by one runner. Times are monotonic, in seconds."""

    name: str
    per_second: float | None = None
    at_once: int = 16
    closed_until: float = 0.0
    because: str = ""
    in_a_row: int = 0
    # It was closed, and no call has come through since.
    is_probing: bool = False
    # How long a call takes, the newest counting most; 0: none has ended yet.
    seconds: float = 0.0
    _next: float = 0.0
    _room: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.at_once)

    def is_open(self, now: float) -> bool:
        return now >= self.closed_until

    @property
    def ready_at(self) -> float:
        """From when on a call may be claimed: it will be made within a moment."""
        return max(self.closed_until, self._next - MOMENT)

    def ahead(self) -> int:
        """How many calls may be claimed before they are answered: what is sent within about a second."""
        if self.is_probing:
            return 1
        rate = self.at_once / self.seconds if self.seconds else 0.0
        most = max(2 * self.at_once, min(int(rate * MOMENT), MOST_AHEAD))
        return most if self.per_second is None else max(1, min(most, int(self.per_second)))

    async def enter(self) -> None:
        """Wait for a place, and for the time at which the next call is due."""
        await self._room.acquire()
        if self.per_second is None:
            return
        now = time.monotonic()
        due = max(self._next, now)
        self._next = due + 1 / self.per_second
        await asyncio.sleep(due - now)

    def leave(self) -> None:
        self._room.release()

    def took(self, seconds: float) -> None:
        """How long a call took."""
        self.seconds += NEWEST * (seconds - self.seconds) if self.seconds else seconds

    def answered(self) -> None:
        self.in_a_row = 0
        self.is_probing = False

    def failed(self, why: str, wait: float | None, now: float) -> bool:
        """A transient end; `wait` is the participant's Retry-After. Whether the lane was closed by it."""
        rest = min(wait or 0.0, LONGEST_ASKED)
        # Those that were on their way when it was closed say nothing new.
        is_news = self.is_open(now)
        self.in_a_row += is_news
        if is_news and self.in_a_row >= FAILURES:
            rest = max(rest, min(LONGEST, FIRST * 2.0 ** min(self.in_a_row - FAILURES, 10)))
        if now + rest <= self.closed_until or not rest:
            return False
        self.closed_until, self.because, self.is_probing = now + rest, why, True
        return True


def opening(lanes: Iterable[Lane], now: float) -> Lane | None:
    """Of those to which nothing can be sent yet the one that is ready last; None: all are ready."""
    closed = [lane for lane in lanes if now < lane.ready_at]
    return max(closed, key=lambda lane: lane.ready_at, default=None)
