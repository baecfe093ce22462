"""Running a batch: many calls at a time, at each participant's pace, in one task.

A claim is committed before its call is made, and a record while the claim holds (compensation.executor), so a
runner that dies at any line leaves leases that run out; whoever takes over sends the same keys again. The
database is spoken to by one thread of its own, and the calls go on meanwhile.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import aiohttp
import structlog
from django.db import connection
from django.utils import timezone

from compensation import calling, executor
from compensation.answers import NotNow
from compensation.batches import lanes, waves
from compensation.batches.lanes import Lane
from compensation.calling import Claim
from compensation.transports import Answer, TransportError, http
from sagas import changes

log = structlog.get_logger()

T = TypeVar("T")

# Seconds after which the runner leaves the rest to the next task, so that batches take turns.
BUDGET = 20.0
# Seconds between two looks at whether it is to stop, while calls are under way.
LOOK = 0.5
# Seconds for which a claim may wait for its call: the longest call still ends within the claim's lease.
FRESH = executor.LEASE.total_seconds() - http.LONGEST - 1
# Answers that are written together, or so many seconds after the first of them came.
FLUSH, SOON = 100, 0.2


def run(batch_pk: int) -> None:
    """Run the batch for a while, if nobody else does. Safe to call twice, late or never."""
    fence = waves.take(batch_pk, timezone.now())
    if fence is None:
        return
    with ThreadPoolExecutor(1, "batch") as writer:
        try:
            asyncio.run(_Runner(batch_pk, fence, writer).run())
        finally:
            writer.submit(_hang_up).result()
    waves.let_go(batch_pk, fence)


class _Runner:
    def __init__(self, batch_pk: int, fence: int, writer: ThreadPoolExecutor) -> None:
        self.batch_pk, self.fence, self.writer = batch_pk, fence, writer
        self.lanes: dict[str, Lane] = {}
        self.calls: set[asyncio.Task[None]] = set()
        self.answered: list[tuple[Claim, Answer | TransportError]] = []
        self.unsent: list[Claim] = []
        self.is_over = False

    async def run(self) -> None:
        until = time.monotonic() + BUDGET
        self.lanes = await self._in_database(waves.lanes_of, self.batch_pk)
        async with http.session(sum(lane.at_once for lane in self.lanes.values()) or 1) as session:
            watching = asyncio.create_task(self._watch())
            try:
                while not self.is_over and time.monotonic() < until:
                    claimed = await self._claim()
                    if claimed is None:
                        await asyncio.sleep(LOOK)
                        continue
                    for claim in claimed:
                        self.calls.add(asyncio.create_task(self._call(session, claim)))
                    if not claimed and not self.calls:
                        break
                    await self._gather(all_of=False)
            finally:
                self.is_over = True
                await self._gather(all_of=True)
                watching.cancel()
        await self._write()
        await self._in_database(waves.judge, self.batch_pk, self.fence, timezone.now())

    async def _claim(self) -> list[Claim] | None:
        """What can be sent within a moment; None: a participant is left alone, and no call is under way."""
        if lanes.opening(self.lanes.values(), time.monotonic()):
            return [] if self.calls else None
        ahead = min((lane.ahead() for lane in self.lanes.values()), default=1)
        room = ahead - len(self.calls)
        # Half of the room at once: claims are cheaper by the dozen.
        if room < max(1, ahead // 2):
            return []
        claims = await self._in_database(waves.claim, self.batch_pk, self.fence, room, timezone.now())
        if claims is None:
            self.is_over = True
        return claims or []

    async def _call(self, session: aiohttp.ClientSession, claim: Claim) -> None:
        lane, claimed = self._lane(claim), time.monotonic()
        await lane.enter()
        try:
            now = time.monotonic()
            if self.is_over or not lane.is_open(now) or now - claimed > FRESH:
                self.unsent.append(claim)
                return
            answer = await calling.call_over(session, claim)
        finally:
            lane.leave()
        self._heed(lane, claim, answer)
        self.answered.append((claim, answer))

    def _heed(self, lane: Lane, claim: Claim, answer: Answer | TransportError) -> None:
        meaning = executor.meaning_of(claim, answer)
        if not isinstance(meaning, NotNow):
            lane.answered()
        elif lane.failed(meaning.why, meaning.wait, time.monotonic()):
            log.warning("batches: a participant is left alone", participant=lane.name, because=meaning.why)

    async def _gather(self, *, all_of: bool) -> None:
        """Wait for answers, and write them down: soon, and many together."""
        while self.calls:
            done, self.calls = await asyncio.wait(
                self.calls, timeout=SOON, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            if len(self.answered) >= FLUSH or (self.answered and not done):
                await self._write()
            if not all_of and (not done or len(self.calls) < FLUSH // 4):
                break
        if self.answered or self.unsent:
            await self._write()

    async def _write(self) -> None:
        answered, self.answered = self.answered, []
        unsent, self.unsent = self.unsent, []
        if unsent:
            await self._in_database(waves.give_back, unsent, timezone.now())
        if answered:
            await self._in_database(executor.record_all, answered, timezone.now())
            await self._in_database(waves.keep_closed, list(self.lanes.values()), timezone.now())
            await self._in_database(waves.judge, self.batch_pk, self.fence, timezone.now())
            await self._in_database(changes.tell, f"batch:{self.batch_pk}")

    async def _watch(self) -> None:
        """See within a moment that somebody has paused or cancelled it."""
        while not self.is_over:
            await asyncio.sleep(LOOK)
            if not await self._in_database(waves.renew, self.batch_pk, self.fence, timezone.now()):
                self.is_over = True

    def _lane(self, claim: Claim) -> Lane:
        name = claim.participant.name if claim.participant else ""
        return self.lanes.setdefault(name, Lane(name))

    async def _in_database(self, work: Callable[..., T], *given: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.writer, lambda: work(*given))


def _hang_up() -> None:
    """Connections belong to threads: this one's goes back to the pool with it."""
    connection.close()
