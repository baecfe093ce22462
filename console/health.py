"""Is the process alive (/healthz), and could it do its work (/readyz)? Open to all: they tell no secrets."""

import asyncio
from dataclasses import asdict, dataclass
from http import HTTPStatus

import psycopg
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import RedisError
from redis.asyncio import Redis

from console import vitals
from console.vitals import Vital

# Seconds. Whoever has not answered by then is taken for dead, so that a probe never hangs.
PATIENCE = 2.0
# Seconds for which an answer is given again, so that asking often costs no more than asking once.
FRESH = 0.25


@dataclass(frozen=True, slots=True)
class Check:
    """`why` is for people, and says nothing about addresses or accounts; `age` in seconds."""

    ok: bool
    why: str = ""
    age: float | None = None
    count: int | None = None
    # Without it Amends cannot do its work; the others are only told.
    is_vital: bool = True


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"ok": True})


@require_safe
@never_cache
async def readyz(request: HttpRequest) -> JsonResponse:
    checks = await _latest.checks()
    is_ready = all(check.ok for check in checks.values() if check.is_vital)
    body = {
        "ok": is_ready,
        "checks": {
            name: {
                key: value
                for key, value in asdict(check).items()
                if key != "is_vital" and value is not None and value != ""
            }
            for name, check in checks.items()
        },
    }
    return JsonResponse(body, status=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)


class Latest:
    """All who ask at about the same time share one look."""

    def __init__(self) -> None:
        self._look: asyncio.Task[dict[str, Check]] | None = None
        self._until = 0.0

    async def checks(self) -> dict[str, Check]:
        loop = asyncio.get_running_loop()
        look = self._look
        if look is None or look.get_loop() is not loop or loop.time() > self._until:
            look = self._look = loop.create_task(_check_all())
            self._until = loop.time() + PATIENCE + FRESH
            look.add_done_callback(self._keep_for_a_moment)
        # One asker who goes away does not end the look of the others.
        return await asyncio.shield(look)

    def _keep_for_a_moment(self, look: asyncio.Task[dict[str, Check]]) -> None:
        self._until = look.get_loop().time() + FRESH


_latest = Latest()


async def _check_all() -> dict[str, Check]:
    rows, (broker, queued) = await asyncio.gather(_look(), _broker())
    known = rows if isinstance(rows, dict) else {}
    found = vitals.judge(known | {"queue": queued}, is_known=isinstance(rows, dict))
    return {
        "database": rows if isinstance(rows, Check) else Check(True),
        "broker": broker,
        **{vital.sign.name: _check(vital) for vital in found},
    }


def _check(vital: Vital) -> Check:
    if vital.value is None or vital.sign.unit == "seconds":
        age = None if vital.value is None else round(vital.value, 1)
        return Check(vital.ok, vital.why, age, is_vital=vital.sign.is_vital)
    return Check(vital.ok, vital.why, count=int(vital.value), is_vital=vital.sign.is_vital)


async def _look() -> dict[str, float | None] | Check:
    """The values of the signs that the database knows; a failed check where it did not tell."""
    # A connection of its own: the pool would make a dead database look like a slow one for ten seconds.
    given = connection.get_connection_params()
    parts = {
        key: value
        for key, value in given.items()
        if key not in {"cursor_factory", "context", "prepare_threshold"}
    }
    try:
        async with asyncio.timeout(PATIENCE):
            async with await psycopg.AsyncConnection.connect(**parts, autocommit=True) as found:
                rows = await (await found.execute(vitals.LOOK)).fetchall()
    except TimeoutError:
        return Check(False, f"no answer within {PATIENCE:.0f} s")
    except psycopg.errors.UndefinedTable:
        return Check(False, "its tables are missing: run manage.py migrate")
    except psycopg.Error:
        return Check(False, "no connection")
    return vitals.values_of(rows)


async def _broker() -> tuple[Check, float | None]:
    """Whether it answers, and how many messages wait there."""
    try:
        async with asyncio.timeout(PATIENCE), Redis.from_url(vitals.broker_url()) as broker:
            lengths = [await broker.llen(name) for name in settings.CELERY_TASK_QUEUES]
    except TimeoutError:
        return Check(False, f"no answer within {PATIENCE:.0f} s"), None
    except (RedisError, OSError):
        return Check(False, "no connection"), None
    return Check(True), float(sum(lengths))
