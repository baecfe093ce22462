"""Running a batch: many calls at a time, at each participant's pace, in one task.

A claim is committed before its call is made, and a record while the claim holds (compensation.executor), so a
runner that dies at any line leaves leases that run out; whoever takes over sends the same keys again. The
calls go on while the database is spoken to, by two threads: one claims what comes next, the other writes down
what came back.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

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
# Seconds between two looks at whether it is to stop, and at whether more can be sent.
LOOK = 0.5
# Seconds for which a claim may wait for its call: the longest call still ends within the claim's lease.
FRESH = executor.LEASE.total_seconds() - http.LONGEST - 1
# Seconds that an answer waits for others, to be written down together with them.
BREATH = 0.02
# So many sagas that are done vouch for one more that is under way before it is known how the last ones went.
VOUCHED = 10


def run(batch_pk: int) -> None:
    """Run the batch for a while, if nobody else does. Safe to call twice, late or never."""
    fence = waves.take(batch_pk, timezone.now())
    if fence is None:
        return
    with ThreadPoolExecutor(1, "batch-claims") as claims, ThreadPoolExecutor(1, "batch-records") as records:
        try:
            asyncio.run(_Runner(batch_pk, fence, claims, records).run())
        finally:
            for thread in (claims, records):
                thread.submit(_hang_up).result()
    waves.let_go(batch_pk, fence)


class _Runner:
    def __init__(
        self, batch_pk: int, fence: int, claims: ThreadPoolExecutor, records: ThreadPoolExecutor
    ) -> None:
        self.batch_pk, self.fence = batch_pk, fence
        self.claims, self.records = claims, records
        self.lanes: dict[str, Lane] = {}
        self.done = 0
        # When it was last judged; whether anything was written down since, and of that, left to a person.
        self.judged = 0.0
        self.is_news = self.has_stopped = False
        self.calls = set[asyncio.Task[None]]()
        # Until they are written down.
        self.answered: list[tuple[Claim, Answer | TransportError]] = []
        self.unsent: list[Claim] = []
        self.is_over = False
        self.errors: list[BaseException] = []
        self.came, self.written = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """An error in any part ends it, and is raised once all under way is heard out and written down.

        So an error costs no answer, which would be sent for again.
        """
        self.lanes = await self._in(self.claims, waves.lanes_of, self.batch_pk)
        # What has ended since the last run, by events or in time, may stop it, or vouch for more.
        await self._wrote(self._judge)
        connections = sum(lane.at_once for lane in self.lanes.values()) or 1
        async with http.session(connections) as session:
            watching = self._begin(self._watch())
            await asyncio.wait([self._begin(self._send(session)), self._begin(self._keep())])
            watching.cancel()
        if self.is_news:
            await self._wrote(self._judge)
        if self.errors:
            raise BaseExceptionGroup(f"The runner of batch {self.batch_pk} had to stop.", self.errors)

    @property
    def open(self) -> int:
        """Claims of which no end is written down yet."""
        return len(self.calls) + len(self.answered) + len(self.unsent)

    def _begin(self, part: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(part)
        task.add_done_callback(self._went_well)
        return task

    def _went_well(self, task: asyncio.Future[Any]) -> bool:
        """Whether what has ended did; what it raised otherwise ends the run."""
        if task.cancelled() or not (error := task.exception()):
            return True
        self.errors.append(error)
        self.is_over = True
        self.came.set()
        self.written.set()
        return False

    async def _send(self, session: aiohttp.ClientSession) -> None:
        """Claim what comes next and call, until nothing is left to be sent now, or it is over."""
        until = time.monotonic() + BUDGET
        while not self.is_over and time.monotonic() < until:
            if lanes.opening(self.lanes.values(), time.monotonic()):
                await self._moved()
                continue
            ahead = self._ahead()
            # Half of the room at once: claims are cheaper by the dozen.
            if (room := ahead - self.open) < max(1, ahead // 2):
                await self._moved()
                continue
            # Fewer than mean anything to the failure rate hold up nothing.
            most = max(self._vouched(), waves.FEWEST)
            if not all([await self._in(self.claims, waves.reserve, lane) for lane in self.lanes.values()]):
                await self._moved()
                continue
            claimed = await self._in(
                self.claims, waves.claim, self.batch_pk, self.fence, room, most, timezone.now()
            )
            if claimed is None:
                break
            if not claimed and not self.open:
                if not self.is_news:
                    break
                # By how the last ones went it has ended, or others may go.
                await self._wrote(self._judge)
                continue
            for claim in claimed:
                call = self._begin(self._call(session, claim))
                self.calls.add(call)
                call.add_done_callback(self.calls.discard)
            if not claimed:
                await self._moved()
        self.is_over = True
        self.came.set()

    def _vouched(self) -> int:
        """How many sagas may be under way before it is known how they went, by how past ones did."""
        known = max((2 * lane.at_once for lane in self.lanes.values()), default=1)
        return max(known, self.done // VOUCHED)

    def _ahead(self) -> int:
        """How many calls may be under way: what is sent within a moment, and no more than is vouched for."""
        return min(min((lane.ahead() for lane in self.lanes.values()), default=1), self._vouched())

    async def _moved(self) -> None:
        """Wait until answers are written down, if none was since, but no longer than until the next look."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.written.wait(), LOOK)
        self.written.clear()

    async def _call(self, session: aiohttp.ClientSession, claim: Claim) -> None:
        lane, claimed = self._lane(claim), time.monotonic()
        await lane.enter()
        try:
            begin = time.monotonic()
            if self.is_over or not lane.is_open(begin) or begin - claimed > FRESH:
                self.unsent.append(claim)
                return
            answer = await calling.call_over(session, claim)
            lane.took(time.monotonic() - begin)
            self.answered.append((claim, answer))
            self._heed(lane, claim, answer)
        finally:
            lane.leave()
            self.came.set()

    def _heed(self, lane: Lane, claim: Claim, answer: Answer | TransportError) -> None:
        meaning = executor.meaning_of(claim, answer)
        if not isinstance(meaning, NotNow):
            lane.answered()
        elif lane.failed(meaning.why, meaning.wait, time.monotonic()):
            # Without its words, which may quote what is masked.
            status = answer.status if isinstance(answer, Answer) else None
            log.warning("batches: a participant is left alone", participant=lane.name, status=status)

    async def _keep(self) -> None:
        """Write down what came back, as much together as came while the last was written."""
        while not self.is_over or self.open:
            await self.came.wait()
            await asyncio.sleep(BREATH)
            self.came.clear()
            await self._write()
            self.written.set()

    async def _write(self) -> None:
        answered, unsent = self.answered[:], self.unsent[:]
        now = timezone.now()
        if unsent:
            await self._wrote(waves.give_back, unsent, now)
        if answered:
            if not await self._wrote(self._record, answered, now):
                # It may have been the connection. Over a new one, or else their leases run out.
                await self._wrote(_hang_up)
                await self._wrote(self._record, answered, now)
            await self._wrote(waves.keep_closed, list(self.lanes.values()), now)
            if self.has_stopped or time.monotonic() - self.judged > LOOK:
                await self._wrote(self._judge)
        del self.answered[: len(answered)], self.unsent[: len(unsent)]

    def _record(self, answered: Sequence[tuple[Claim, Answer | TransportError]], now: datetime) -> None:
        self.has_stopped |= executor.record_all(answered, now) > 0
        self.is_news = True

    def _judge(self) -> None:
        """Counting costs as much as many a record: now and then, but at once where more have stopped."""
        self.done = waves.judge(self.batch_pk, self.fence, timezone.now()).done
        self.judged = time.monotonic()
        self.is_news = self.has_stopped = False
        changes.tell(f"batch:{self.batch_pk}")

    async def _wrote(self, work: Callable[..., object], *given: object) -> bool:
        """Whether it could be written down; an error ends the run, but not what else has to be written."""
        writing = asyncio.ensure_future(self._in(self.records, work, *given))
        await asyncio.wait([writing])
        return self._went_well(writing)

    async def _watch(self) -> None:
        """See within a moment that somebody has paused or cancelled it."""
        while not self.is_over:
            await asyncio.sleep(LOOK)
            if not await self._in(self.claims, waves.renew, self.batch_pk, self.fence, timezone.now()):
                self.is_over = True

    def _lane(self, claim: Claim) -> Lane:
        name = claim.participant.name if claim.participant else ""
        return self.lanes.setdefault(name, Lane(name))

    async def _in(self, thread: ThreadPoolExecutor, work: Callable[..., T], *given: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, lambda: work(*given))


def _hang_up() -> None:
    """Connections belong to threads: this one's goes back to the pool with it."""
    connection.close()
