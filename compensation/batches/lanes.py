"""How fast each participant is called: so many at once, so many a second, not at all while it needs rest.

A lane closes for as long as a participant asks for (Retry-After), and by itself after FAILURES transient ends
in a row: the circuit breaker of Nygard, *Release It!* ch. 5. One call after that is the probe: only once it
has come through, others follow.
"""

import asyncio
import time
from collections import deque
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
    # When its next calls are due, where it is called so often a second.
    _due: deque[float] = field(default_factory=deque)
    _room: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.at_once)

    def is_open(self, now: float) -> bool:
        return now >= self.closed_until

    @property
    def pause(self) -> float:
        """Seconds from one call to the next; 0: it gets as many as it answers."""
        return 1 / self.per_second if self.per_second else 0.0

    def wanted(self, now: float) -> int:
        """Times that are missing for the calls that may be claimed ahead; those that were missed are lost."""
        while self._due and self._due[0] < now - MOMENT:
            self._due.popleft()
        return max(0, self.ahead() - len(self._due)) if self.pause else 0

    def grant(self, begin: float, count: int) -> None:
        """So many times for calls, from `begin` on."""
        self._due.extend(begin + place * self.pause for place in range(count))

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
        if self._due:
            await asyncio.sleep(self._due.popleft() - time.monotonic())

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
    closed = [lane for lane in lanes if not lane.is_open(now)]
    return max(closed, key=lambda lane: lane.closed_until, default=None)
