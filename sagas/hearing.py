"""Writing down when each participant was last heard, apart from what it said.

What a process hears within PACE seconds is written together, by a thread of its own: the sender's answer
waits for none of it, and senders of one participant do not wait for one another. A process that dies loses
what it heard in those seconds.
"""

from datetime import datetime
from typing import NamedTuple

import psycopg
import structlog
from django.db import connection

from sagas.gathering import Gathering

log = structlog.get_logger()

# Seconds between two writes of one process; also how exactly its pauses are known.
PACE = 2.0
# Seconds to wait for a connection.
PATIENCE = 2
# Moments kept for the rhythm to learn from (sagas.detection.silence.learning), the newest if nobody does.
MOST_TICKS = 1000

# Participants that are not (yet) there are left out. Rows in one order, as other processes write them too.
WRITE = """
INSERT INTO sagas_hearing AS hearing (participant_id, heard_at, ticks)
SELECT participant.id, given.at, ARRAY[given.at]
FROM unnest(%s::bigint[], %s::timestamptz[]) AS given (participant, at)
JOIN sagas_participant participant ON participant.id = given.participant
ORDER BY participant.id
ON CONFLICT (participant_id) DO UPDATE SET
  heard_at = greatest(hearing.heard_at, excluded.heard_at),
  ticks = (hearing.ticks || excluded.ticks)[greatest(1, cardinality(hearing.ticks) + 2 - %s):]
"""


class Heard(NamedTuple):
    participant: int  # its key
    at: datetime


def note(participant: int, at: datetime) -> None:
    """The participant was heard; written within seconds, or never if the process dies before."""
    _ear.take([Heard(participant, at)])


def write(heard: set[Heard]) -> None:
    """The newest of each participant, at once. Where the database is away it is not written."""
    newest: dict[int, datetime] = {}
    for participant, at in heard:
        newest[participant] = max(at, newest.get(participant, at))
    # Outside of the pool, where requests wait; and given up soon.
    where = connection.get_connection_params() | {"autocommit": True, "connect_timeout": PATIENCE}
    try:
        with psycopg.connect(**where) as own:
            own.execute(WRITE, [list(newest), list(newest.values()), MOST_TICKS])
    except psycopg.Error as error:
        log.warning("hearing: what was heard could not be written", error=str(error))


_ear = Gathering("hearing", PACE, write, is_awaited=False)
