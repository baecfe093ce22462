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

# Seconds. Whoever has not answered by then is taken for dead, so that a probe never hangs.
PATIENCE = 2.0
# Seconds. The periodic jobs end every second or so; older than this, and nobody does them.
OLDEST_SWEEP = 30.0
# Seconds for which an answer is given again, so that asking often costs no more than asking once.
FRESH = 0.25


@dataclass(frozen=True, slots=True)
class Check:
    """`why` is for people, and says nothing about addresses or accounts; `age` in seconds."""

    ok: bool
    why: str = ""
    age: float | None = None


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"ok": True})


@require_safe
@never_cache
async def readyz(request: HttpRequest) -> JsonResponse:
    checks = await _latest.checks()
    is_ready = all(check.ok for check in checks.values())
    body = {
        "ok": is_ready,
        "checks": {
            name: {key: value for key, value in asdict(check).items() if value not in {None, ""}}
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
    ages, broker = await asyncio.gather(_heartbeats(), _broker())
    if isinstance(ages, Check):
        unknown = Check(False, "not known without the database")
        return {"database": ages, "broker": broker, "worker": unknown, "sweep": unknown}
    return {
        "database": Check(True),
        "broker": broker,
        "worker": _judge(min(ages.values(), default=None), "no worker has finished a job"),
        "sweep": _judge(ages.get("sweep"), "no sweep has finished"),
    }


def _judge(age: float | None, why: str) -> Check:
    if age is None:
        return Check(False, f"{why} yet")
    if age > OLDEST_SWEEP:
        return Check(False, f"{why} for more than {OLDEST_SWEEP:.0f} s", round(age, 1))
    return Check(True, age=round(age, 1))


async def _heartbeats() -> dict[str, float] | Check:
    """Seconds since each periodic job last finished; a failed check where the database did not tell."""
    # A connection of its own: the pool would make a dead database look like a slow one for ten seconds.
    given = connection.get_connection_params()
    parts = {
        key: value
        for key, value in given.items()
        if key not in {"cursor_factory", "context", "prepare_threshold"}
    }
    query = "SELECT name, extract(epoch FROM now() - at)::float8 FROM sagas_heartbeat"
    try:
        async with asyncio.timeout(PATIENCE):
            async with await psycopg.AsyncConnection.connect(**parts, autocommit=True) as found:
                rows = await (await found.execute(query)).fetchall()
    except TimeoutError:
        return Check(False, f"no answer within {PATIENCE:.0f} s")
    except psycopg.errors.UndefinedTable:
        return Check(False, "its tables are missing: run manage.py migrate")
    except psycopg.Error:
        return Check(False, "no connection")
    return {name: max(0.0, age) for name, age in rows}


async def _broker() -> Check:
    url = settings.CELERY_BROKER_URL.replace("redis+socket://", "unix://")
    try:
        async with asyncio.timeout(PATIENCE), Redis.from_url(url) as broker:
            await broker.ping()
    except TimeoutError:
        return Check(False, f"no answer within {PATIENCE:.0f} s")
    except (RedisError, OSError):
        return Check(False, "no connection")
    return Check(True)
