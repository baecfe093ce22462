"""The SQL of repairs. Each takes any number of rows, as JSON or as an array of keys (sagas.sql)."""

# Keys of rows that are written later, so that they can be spoken of before.
RESERVE = "SELECT nextval(pg_get_serial_sequence(%(table)s, 'id')) FROM generate_series(1, %(count)s)"

# What goes into jsonb goes the way of text, twice as fast as from json to jsonb directly.
ADD_REPAIRS = """
INSERT INTO compensation_repair (
  id, saga_id, batch_id, intent, step, reason, revision, plan, plan_hash, stake, currency, state,
  started_by_id, started_by_name, started_at, finished_at
)
SELECT id, saga_id, batch_id, intent, step, reason, revision, plan::text::jsonb, plan_hash, stake,
  currency, state, started_by_id, started_by_name, started_at, finished_at
FROM json_to_recordset(%(rows)s::json) AS given (
  id bigint, saga_id bigint, batch_id bigint, intent text, step text, reason text, revision int, plan json,
  plan_hash text, stake numeric, currency text, state text, started_by_id int, started_by_name text,
  started_at timestamptz, finished_at timestamptz
)
"""

# What a person began of late that nobody else agreed to, each saga once with the most that was at stake in
# it, but for what is planned. Of a batch all counts from its start on but what it will never begin.
RECENT = """
WITH mine AS (
  SELECT saga_id, stake, currency FROM compensation_repair
  WHERE started_by_id = %(person)s AND started_at > %(since)s AND batch_id IS NULL
    AND intent IN ('compensate', 'retry')
  UNION ALL
  SELECT one.saga_id, one.stake, one.currency
  FROM compensation_batch batch JOIN compensation_batchsaga one ON one.batch_id = batch.id
  WHERE batch.started_by_id = %(person)s AND batch.started_at > %(since)s
    AND (batch.requirement IS NULL OR batch.broken_glass <> '')
    AND batch.intent IN ('compensate', 'retry') AND one.state IN ('planned', 'begun')
), once AS (
  SELECT DISTINCT ON (saga_id) saga_id, stake, currency FROM mine
  WHERE saga_id IS DISTINCT FROM %(saga)s::bigint AND NOT EXISTS (
    SELECT FROM compensation_batchsaga own
    WHERE own.batch_id = %(batch)s::bigint AND own.saga_id = mine.saga_id AND own.state = 'planned'
  )
  ORDER BY saga_id, stake DESC NULLS LAST
)
SELECT saga.definition_id, once.currency, count(*), sum(once.stake)
FROM once JOIN sagas_saga saga ON saga.id = once.saga_id
GROUP BY saga.definition_id, once.currency, once.stake IS NULL
"""

ADD_ACTIONS = """
INSERT INTO compensation_repairaction (
  id, repair_id, position, saga_id, kind, step, execution, participant_id, request, idempotency_key, retries,
  question, state, attempts, next_attempt_at, lease_until, fence, confirm_by, result, finished_at
)
SELECT id, repair_id, position, saga_id, kind, step, execution, participant_id, request::text::jsonb,
  idempotency_key, retries::text::jsonb, question::text::jsonb, state, attempts, next_attempt_at,
  lease_until, fence, confirm_by, result::text::jsonb, finished_at
FROM json_to_recordset(%(rows)s::json) AS given (
  id bigint, repair_id bigint, position int, saga_id bigint, kind text, step text, execution text,
  participant_id bigint, request json, idempotency_key text, retries json, question json, state text,
  attempts int, next_attempt_at timestamptz, lease_until timestamptz, fence int, confirm_by timestamptz,
  result json, finished_at timestamptz
)
"""

ADD_ATTEMPTS = """
INSERT INTO compensation_actionattempt (
  id, action_id, number, started_at, finished_at, status_code, answer, error
)
SELECT id, action_id, number, started_at, NULL, NULL, '', ''
FROM json_to_recordset(%(rows)s::json) AS given (
  id bigint, action_id bigint, number int, started_at timestamptz
)
"""

SAVE_ACTIONS = """
UPDATE compensation_repairaction action SET
  state = given.state,
  attempts = given.attempts,
  fence = given.fence,
  asked_after = given.asked_after,
  next_attempt_at = given.next_attempt_at,
  lease_until = given.lease_until,
  confirm_by = given.confirm_by,
  result = given.result,
  finished_at = given.finished_at
FROM json_to_recordset(%(rows)s::json) AS given (
  id bigint, state text, attempts int, fence int, asked_after int, next_attempt_at timestamptz,
  lease_until timestamptz, confirm_by timestamptz, result jsonb, finished_at timestamptz
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
    AND received_at <= coalesce(%(until)s::timestamptz, 'infinity')
  ORDER BY time DESC, source DESC, sequence DESC, event_id DESC
  LIMIT %(most)s
) event
ORDER BY given.id, event.time DESC, event.source DESC, event.sequence DESC, event.event_id DESC
"""
