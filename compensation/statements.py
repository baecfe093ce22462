"""The SQL of repairs. Each takes any number of rows, as JSON or as an array of keys (sagas.sql)."""

SAVE_ACTIONS = """
UPDATE compensation_repairaction action SET
  state = given.state,
  attempts = given.attempts,
  fence = given.fence,
  next_attempt_at = given.next_attempt_at,
  lease_until = given.lease_until,
  confirm_by = given.confirm_by,
  result = given.result,
  finished_at = given.finished_at
FROM json_to_recordset(%(rows)s::json) AS given (
  id bigint, state text, attempts int, fence int, next_attempt_at timestamptz, lease_until timestamptz,
  confirm_by timestamptz, result jsonb, finished_at timestamptz
)
WHERE action.id = given.id
"""

SAVE_REPAIRS = """
UPDATE compensation_repair repair SET state = given.state, finished_at = given.finished_at
FROM json_to_recordset(%(rows)s::json) AS given (id bigint, state text, finished_at timestamptz)
WHERE repair.id = given.id
"""

SAVE_ATTEMPTS = """
UPDATE compensation_actionattempt attempt SET
  finished_at = given.finished_at,
  status_code = given.status_code,
  answer = given.answer,
  error = given.error
FROM json_to_recordset(%(rows)s::json) AS given (
  id bigint, finished_at timestamptz, status_code int, answer text, error text
)
WHERE attempt.id = given.id
"""

# What the events of these steps carried, the newest first.
PAYLOADS = """
SELECT given.id, event.step, event.execution, event.source, event.data
FROM json_to_recordset(%(rows)s::json) AS given (id bigint, steps text[])
CROSS JOIN LATERAL (
  SELECT step, execution, source, data, time, sequence, event_id
  FROM sagas_event
  WHERE saga_id = given.id AND step = ANY(given.steps) AND data IS NOT NULL
  ORDER BY time DESC, source DESC, sequence DESC, event_id DESC
  LIMIT %(most)s
) event
ORDER BY given.id, event.time DESC, event.source DESC, event.sequence DESC, event.event_id DESC
"""
