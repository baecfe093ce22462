"""Whether Amends itself is well: what is looked at, from when on it is not well, and what to do then.

One table, read by /readyz, /metrics, the page System and the dead man's switch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings
from redis import Redis, RedisError

from sagas.sql import run

# Where the value is no number: nobody could be asked.
UNKNOWN = "not known without the database"


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that is looked at. `most`: the largest value that is well; `unit`: seconds or messages."""

    name: str
    label: str
    says: str
    unit: str
    most: float | None
    # What is wrong when the value is larger, and when there never was one; empty: then it is well.
    late: str
    never: str
    mend: str
    # Without it Amends cannot do its work: /readyz says 503.
    is_vital: bool = False


@dataclass(frozen=True, slots=True)
class Vital:
    """A sign as it is now; `value` None: there is none, or nobody knows."""

    sign: Sign
    value: float | None
    why: str

    @property
    def ok(self) -> bool:
        return not self.why


# Every age and count that the signs are about, in one cheap statement: each part is read from an index.
# Retries wait on purpose, and so do the actions of batches: neither counts as left lying.
LOOK = """
SELECT 'job ' || name, extract(epoch FROM now() - at)::float8 FROM sagas_heartbeat
UNION ALL
SELECT 'backlog', extract(epoch FROM now() - min(at))::float8 FROM sagas_due WHERE at <= now()
UNION ALL
SELECT 'outbox', extract(epoch FROM now() - min(next_attempt_at))::float8 FROM sagas_delivery
WHERE state = 'pending' AND attempts = 0 AND next_attempt_at <= now()
UNION ALL
SELECT 'repairs', extract(epoch FROM now() - min(action.next_attempt_at))::float8
FROM compensation_repairaction action JOIN compensation_repair repair ON repair.id = action.repair_id
WHERE action.state = 'ready' AND action.next_attempt_at <= now() AND repair.batch_id IS NULL
UNION ALL
SELECT 'ingest', extract(epoch FROM now() - max(heard_at))::float8 FROM sagas_hearing
"""

# Seconds: a broker that does not answer keeps no page waiting.
PATIENCE = 2.0


def signs() -> list[Sign]:
    """In the order in which the causes of trouble should be ruled out."""
    worker = "Start a worker: celery -A console worker. Its log says why the last one ended."
    made = [
        Sign(
            "beat",
            "Beat",
            "tells the workers each second what to look for",
            "seconds",
            30,
            "no tick",
            "no tick yet",
            "Start beat: celery -A console beat. There is to be one.",
            is_vital=True,
        ),
        Sign(
            "worker",
            "Worker",
            "does the periodic jobs",
            "seconds",
            30,
            "no worker has finished a job",
            "no worker has finished a job yet",
            worker,
            is_vital=True,
        ),
        Sign(
            "sweep",
            "Sweep",
            "looks for what is due, and opens and closes findings",
            "seconds",
            30,
            "no sweep has finished",
            "no sweep has finished yet",
            "Where other jobs go on, the worker's log says what a sweep fails at.",
            is_vital=True,
        ),
        Sign(
            "backlog",
            "Sagas that wait for the sweep",
            "the longest wait of a saga that is due",
            "seconds",
            60,
            "a saga has waited for the sweep",
            "",
            "More is due than one worker judges: start another.",
        ),
        Sign(
            "outbox",
            "Alerts that nobody has tried to send",
            "the longest wait of a message that is due",
            "seconds",
            60,
            "a message has waited to be sent",
            "",
            "The worker's log says what delivering fails at.",
        ),
        Sign(
            "repairs",
            "Calls of repairs that nobody has made",
            "the longest wait of a call that is due",
            "seconds",
            60,
            "a call has waited to be made",
            "",
            "Start a worker for the queue calls: celery -A console worker --queues calls.",
        ),
        Sign(
            "queue",
            "Messages to the workers",
            "how many wait in the broker",
            "messages",
            1000,
            "too many messages wait",
            "the broker does not answer",
            worker,
        ),
    ]
    gap = settings.INGEST_GAP or None
    made.append(
        Sign(
            "ingest",
            "Events that come in",
            "the time since any participant was heard",
            "seconds",
            gap,
            "nothing has been heard",
            "nothing has been heard yet" if gap else "",
            "Try POST /api/v1/events from where the senders are: its answer says what keeps them out.",
        )
    )
    if settings.WATCHDOG_URL:
        made.append(
            Sign(
                "watchdog",
                "Dead man's switch",
                "the time since WATCHDOG_URL was last told that all is well",
                "seconds",
                5 * settings.WATCHDOG_EVERY,
                "WATCHDOG_URL was not told",
                "WATCHDOG_URL was never told",
                "It is told once all other signs are well. If they are, the worker's log says why not.",
            )
        )
    return made


def judge(values: Mapping[str, float | None], *, is_known: bool = True) -> list[Vital]:
    """Each sign with its value, by name; one that is missing was never there.

    `is_known` False: the database did not say.
    """
    return [_judge(sign, values.get(sign.name), is_known or sign.name == "queue") for sign in signs()]


def look() -> list[Vital]:
    """How Amends is. Asks the broker, too, so call it outside of transactions.

    Raises Django's database errors where nobody can say.
    """
    return judge(read() | queued())


def read() -> dict[str, float | None]:
    """What the database knows of the signs, by name."""
    return values_of(run(LOOK))


def queued() -> dict[str, float | None]:
    """How many messages wait for workers; nothing where the broker does not say."""
    try:
        with Redis.from_url(broker_url(), socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE) as broker:
            return {"queue": float(sum(int(broker.llen(name)) for name in settings.CELERY_TASK_QUEUES))}
    except (RedisError, OSError):
        return {"queue": None}


def broker_url() -> str:
    """The broker's address as its own client takes it."""
    url: str = settings.CELERY_BROKER_URL
    return url.replace("redis+socket://", "unix://")


def _judge(sign: Sign, value: float | None, is_known: bool) -> Vital:
    if not is_known:
        return Vital(sign, None, UNKNOWN)
    if value is None:
        return Vital(sign, None, sign.never)
    value = max(0.0, value)
    if sign.most is None or value <= sign.most:
        return Vital(sign, value, "")
    if sign.unit == "messages":
        return Vital(sign, value, f"{sign.late}: {value:,.0f}, more than {sign.most:,.0f}")
    return Vital(sign, value, f"{sign.late} for more than {sign.most:.0f} s")


def values_of(rows: Iterable[tuple[str, float | None]]) -> dict[str, float | None]:
    """What LOOK returned, by sign."""
    found = dict(rows)
    jobs = {name.removeprefix("job "): age for name, age in found.items() if name.startswith("job ")}
    beat, watchdog = jobs.pop("beat", None), jobs.pop("watchdog", None)
    ages = [age for age in jobs.values() if age is not None]
    return {
        "beat": beat,
        "worker": min(ages, default=None),
        "sweep": jobs.get("sweep"),
        "watchdog": watchdog,
        **{name: found.get(name) for name in ("backlog", "outbox", "repairs", "ingest")},
    }
