"""The SQL of ingest, run by sagas.sql. Each takes one JSON parameter, whatever the number of rows."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from sagas.learning import queue


class SagaName(Struct, gc=False):
    saga_type: str
    saga_id: str


class EventRow(Struct, gc=False):
    saga_id: int
    source: str
    event_id: str
    kind: str
    step: str
    execution: str
    attempt: int | None
    time: datetime
    time_given: bool
    sequence: str
    attributes: dict[str, Any]
    data: str | None


class SagaRow(Struct, gc=False):
    """What an update writes. `added` and `repeated` are counts that are added to what is there."""

    id: int
    definition_id: int | None
    unmet_version: str | None
    facts: str
    added: int
    repeated: int
    status: str
    open_effects: list[str]
    unknown_effects: list[str]
    waiting_on: str
    display: dict[str, str]
    started_at: datetime | None
    last_event_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None


# Of an event: the key of its saga, source, id.
Identity = tuple[int, str, str]


class IdentityRow(Struct, gc=False):
    saga_id: int
    source: str
    event_id: str


class RepeatedRow(Struct, gc=False):
    id: int
    repeated: int


class KeyRow(Struct, gc=False):
    saga_id: int
    name: str
    value: str
    links: bool


# Sorted, so that two writers who insert the same sagas wait for each other in one order only.
INSERT_SAGAS = """
INSERT INTO sagas_saga (
  saga_type, saga_id, facts, revision, redeliveries, created_at, status, open_effects, unknown_effects,
  waiting_on, display, condition, has_findings, lesson, unmet_version
)
SELECT saga_type, saga_id, '{}', 0, 0, %(now)s, 'running', '{}', '{}', '', '{}', 'healthy', false, 0, NULL
FROM json_to_recordset(%(rows)s::json) AS given (saga_type text, saga_id text)
WHERE NOT EXISTS (
  SELECT FROM sagas_saga known WHERE known.saga_type = given.saga_type AND known.saga_id = given.saga_id
)
ORDER BY saga_type, saga_id
ON CONFLICT DO NOTHING
RETURNING id, saga_type, saga_id
"""

# Rows are locked in the order of their keys, so that two writers cannot wait for each other in a circle; and
# but for their keys, so that whoever only refers to a saga need not wait.
LOCK_NAMED_SAGAS = """
SELECT saga.id, saga.saga_type, saga.saga_id, saga.definition_id, saga.created_at, saga.facts
FROM sagas_saga saga
JOIN json_to_recordset(%(rows)s::json) AS given (saga_type text, saga_id text) USING (saga_type, saga_id)
ORDER BY saga.id
FOR NO KEY UPDATE OF saga
"""

VERSIONS = """
SELECT saga_type, id, version, loaded_at,
  EXISTS (SELECT FROM sagas_definition watching WHERE watching.links && definition.keys)
FROM sagas_definition definition WHERE saga_type = ANY(%(saga_types)s) ORDER BY loaded_at, id
"""

LOCK_SAGAS = """
SELECT id, saga_type, saga_id, definition_id, created_at, facts
FROM sagas_saga WHERE id = ANY(%(sagas)s) ORDER BY id FOR NO KEY UPDATE
"""

# For `sending`: $1 the rows, $2 the participant's key, $3 now. `attributes` goes the way of text, twice
# as fast as from json to jsonb directly.
INSERT_EVENTS = """
INSERT INTO sagas_event (
  saga_id, source, event_id, participant_id, kind, step, execution, attempt, time, time_given, sequence,
  received_at, attributes, data
)
SELECT saga_id, source, event_id, $2::bigint, kind, step, execution, attempt, time, time_given, sequence,
  $3::timestamptz, attributes::text::jsonb, data
FROM json_to_recordset($1::json) AS given (
  saga_id bigint, source text, event_id text, kind text, step text, execution text, attempt int,
  time timestamptz, time_given boolean, sequence text, attributes json, data text
)
ON CONFLICT DO NOTHING
RETURNING saga_id, source, event_id
"""

KNOWN_EVENTS = """
SELECT event.saga_id, event.source, event.event_id
FROM sagas_event event
JOIN json_to_recordset(%(rows)s::json) AS given (saga_id bigint, source text, event_id text)
  USING (saga_id, source, event_id)
"""

UPDATE_SAGAS = f"""
WITH written AS (
UPDATE sagas_saga saga SET
  definition_id = given.definition_id,
  unmet_version = given.unmet_version,
  facts = given.facts,
  revision = revision + given.added,
  redeliveries = redeliveries + given.repeated,
  status = given.status,
  open_effects = given.open_effects,
  unknown_effects = given.unknown_effects,
  waiting_on = given.waiting_on,
  display = given.display::text::jsonb,
  started_at = given.started_at,
  last_event_at = given.last_event_at,
  ended_at = given.ended_at,
  lesson = {queue.NEXT}
FROM json_to_recordset(%(rows)s::json) AS given (
  id bigint, definition_id bigint, unmet_version text, facts text, added int, repeated int, status text,
  open_effects text[], unknown_effects text[], waiting_on text, display json, started_at timestamptz,
  last_event_at timestamptz, ended_at timestamptz, due_at timestamptz
)
WHERE saga.id = given.id
-- What was wrong may be so no more, and only the sweep can close it.
RETURNING saga.id, saga.lesson, CASE WHEN saga.has_findings THEN %(now)s ELSE given.due_at END AS due_at
),
due AS (
  INSERT INTO sagas_due (saga_id, at) SELECT id, due_at FROM written WHERE due_at IS NOT NULL
  ON CONFLICT (saga_id) DO UPDATE SET at = excluded.at WHERE sagas_due.at <> excluded.at
),
not_due AS (
  DELETE FROM sagas_due USING written WHERE sagas_due.saga_id = written.id AND written.due_at IS NULL
)
{queue.GIVE}
"""  # noqa: S608  (put together of our own constants)

COUNT_REPEATED = """
UPDATE sagas_saga saga SET redeliveries = redeliveries + given.repeated
FROM json_to_recordset(%(rows)s::json) AS given (id bigint, repeated int)
WHERE saga.id = given.id
"""

DELETE_KEYS = "DELETE FROM sagas_sagakey WHERE saga_id = ANY(%(sagas)s)"

INSERT_KEYS = """
INSERT INTO sagas_sagakey (saga_id, name, value, links)
SELECT saga_id, name, value, links
FROM json_to_recordset(%(rows)s::json) AS given (saga_id bigint, name text, value text, links boolean)
"""

EVENTS_OF_SAGAS = """
SELECT event.saga_id, event.received_at, event.source, event.event_id, event.kind, event.step,
  event.execution, event.attempt, event.time, event.time_given, event.sequence, event.attributes::text,
  event.data, participant.name
FROM sagas_event event
LEFT JOIN sagas_participant participant ON participant.id = event.participant_id
WHERE event.saga_id = ANY(%(sagas)s)
"""

FOREIGN_TYPES = "SELECT type FROM sagas_foreigntype WHERE participant_id = %(participant)s"

# Sorted, as everybody who counts types locks their rows in this order.
COUNT_FOREIGN_TYPES = """
INSERT INTO sagas_foreigntype AS known (participant_id, type, count, kept, dropped, first_at, last_at)
SELECT %(participant)s, type, number, number, 0, %(now)s, %(now)s
FROM json_to_recordset(%(rows)s::json) AS given (type text, number int)
ORDER BY type
ON CONFLICT (participant_id, type) DO UPDATE SET
  count = known.count + excluded.count,
  kept = known.kept + excluded.kept,
  last_at = greatest(known.last_at, excluded.last_at)
RETURNING type, id
"""

# Chosen once, whatever the plan: within a join they could be chosen anew for each row, past what just went.
# The oldest of each type go, but for those that a replay holds just now: it waits for the types' rows.
MAKE_ROOM = """
WITH chosen AS MATERIALIZED (
  SELECT oldest.id
  FROM sagas_foreigntype type
  CROSS JOIN LATERAL (
    SELECT id FROM sagas_quarantined
    WHERE foreign_type_id = type.id AND state = 'open'
    ORDER BY id LIMIT type.kept - %(most)s
    FOR UPDATE SKIP LOCKED
  ) oldest
  WHERE type.id = ANY(%(types)s) AND type.kept > %(most)s
),
gone AS (
  DELETE FROM sagas_quarantined USING chosen WHERE sagas_quarantined.id = chosen.id RETURNING foreign_type_id
)
UPDATE sagas_foreigntype type SET kept = kept - counted.number, dropped = dropped + counted.number
FROM (SELECT foreign_type_id, count(*) AS number FROM gone GROUP BY foreign_type_id) counted
WHERE type.id = counted.foreign_type_id
"""

# Sorted, as everybody who counts reasons locks their rows in this order.
COUNT_REFUSALS = """
INSERT INTO sagas_refusal AS known (participant_id, reason, count, dropped)
SELECT %(participant)s, reason, number, 0
FROM json_to_recordset(%(rows)s::json) AS given (reason text, number int)
ORDER BY reason
ON CONFLICT (participant_id, reason) DO UPDATE SET count = known.count + excluded.count
RETURNING reason, id, count
"""

# As above. Of the newest, which stay, only the last is looked up, and none is locked; whatever was replayed
# or has another reason by now is not among them.
MAKE_ROOM_OF_REASONS = """
WITH chosen AS MATERIALIZED (
  SELECT oldest.id, refusal.id AS refusal_id
  FROM sagas_refusal refusal
  CROSS JOIN LATERAL (
    SELECT id FROM sagas_quarantined
    WHERE participant_id = refusal.participant_id AND reason = refusal.reason
      AND state = 'open' AND foreign_type_id IS NULL
    ORDER BY id DESC OFFSET %(most)s - 1 LIMIT 1
  ) last
  CROSS JOIN LATERAL (
    SELECT id FROM sagas_quarantined
    WHERE participant_id = refusal.participant_id AND reason = refusal.reason
      AND state = 'open' AND foreign_type_id IS NULL AND id < last.id
    ORDER BY id LIMIT %(at_once)s
    FOR UPDATE SKIP LOCKED
  ) oldest
  WHERE refusal.id = ANY(%(refusals)s)
),
gone AS (
  DELETE FROM sagas_quarantined USING chosen WHERE sagas_quarantined.id = chosen.id
  RETURNING chosen.refusal_id
)
UPDATE sagas_refusal refusal SET dropped = dropped + counted.number
FROM (SELECT refusal_id, count(*) AS number FROM gone GROUP BY refusal_id) counted
WHERE refusal.id = counted.refusal_id
"""

# Of each saga type the definition that new sagas take: its mappings are in force.
NEWEST_VERSIONS = """
SELECT DISTINCT ON (saga_type) id FROM sagas_definition ORDER BY saga_type, loaded_at DESC, id DESC
"""
