"""The SQL of learning, run by sagas.sql."""

# Whoever learns from a saga has its place in the queue to itself; others pass by.
TAKE = """
SELECT waiting.saga_id, saga.saga_type, saga.definition_id, saga.facts, saga.status
FROM sagas_unlearned waiting
LEFT JOIN sagas_saga saga ON saga.id = waiting.saga_id
ORDER BY waiting.saga_id
LIMIT %(most)s
FOR UPDATE OF waiting SKIP LOCKED
"""

# Sagas that turned out not to be over; the update waits for whoever writes one, and looks again.
REOPEN = """
UPDATE sagas_saga SET lesson = 0 WHERE id = ANY(%(sagas)s) AND status <> ALL(%(ended)s) RETURNING id
"""

LEAVE = "DELETE FROM sagas_unlearned WHERE saga_id = ANY(%(sagas)s)"

# Days are made and locked in one order, so that two learners cannot wait for each other in a circle. Of names
# that anybody may invent not more than so many are kept a day: a mistake of a sender must not fill the table.
ADD_DAYS = """
INSERT INTO sagas_stepday (
  saga_type, version, step, day, completed, failed, unanswered, compensated, compensation_failed,
  forward, back
)
SELECT saga_type, version, step, day, 0, 0, 0, 0, 0, '', ''
FROM json_to_recordset(%(rows)s::json) AS given (saga_type text, version text, step text, day date)
WHERE NOT EXISTS (
  SELECT FROM sagas_stepday known
  WHERE (known.saga_type, known.version, known.step, known.day)
    = (given.saga_type, given.version, given.step, given.day)
) AND (
  SELECT count(*) FROM sagas_stepday known
  WHERE (known.saga_type, known.version, known.day) = (given.saga_type, given.version, given.day)
) < %(most)s
ORDER BY saga_type, version, step, day
ON CONFLICT DO NOTHING
"""

LOCK_DAYS = """
SELECT stepday.id, saga_type, version, step, day, forward, back
FROM sagas_stepday stepday
JOIN json_to_recordset(%(rows)s::json) AS given (saga_type text, version text, step text, day date)
  USING (saga_type, version, step, day)
ORDER BY saga_type, version, step, day
FOR NO KEY UPDATE OF stepday
"""

UPDATE_DAYS = """
UPDATE sagas_stepday stepday SET
  completed = stepday.completed + given.completed,
  failed = stepday.failed + given.failed,
  unanswered = stepday.unanswered + given.unanswered,
  compensated = stepday.compensated + given.compensated,
  compensation_failed = stepday.compensation_failed + given.compensation_failed,
  forward = decode(given.forward, 'base64'),
  back = decode(given.back, 'base64')
FROM json_to_recordset(%(rows)s::json) AS given (
  id bigint, completed bigint, failed bigint, unanswered bigint, compensated bigint,
  compensation_failed bigint, forward text, back text
)
WHERE stepday.id = given.id
"""

FORGET_DAYS = "DELETE FROM sagas_stepday WHERE day <= %(day)s"

# What is normal, and what it would have to be made of now: where the window has moved, or where more than a
# half per cent came on top, which no quantile shows.
STALE = """
SELECT saga_type, version, step, now.since, now.counted
FROM (
  SELECT saga_type, version, step, min(day) AS since,
    sum(completed + failed + unanswered + compensated + compensation_failed)::bigint AS counted
  FROM sagas_stepday WHERE day > %(day)s GROUP BY saga_type, version, step
) now
FULL JOIN sagas_stepnorm norm USING (saga_type, version, step)
WHERE norm.since IS DISTINCT FROM now.since OR abs(now.counted - norm.counted) > norm.counted * 0.005
ORDER BY saga_type, version, step
LIMIT %(most)s
"""

DAYS_OF = """
SELECT saga_type, version, step, forward, back
FROM sagas_stepday
JOIN json_to_recordset(%(rows)s::json) AS given (saga_type text, version text, step text)
  USING (saga_type, version, step)
WHERE day > %(day)s
"""

# In one order, as above.
PUT_NORMS = """
INSERT INTO sagas_stepnorm (
  saga_type, version, step, since, counted, samples, p50, p95, p99, forward,
  back_samples, back_p50, back_p95, back_p99, back
)
SELECT saga_type, version, step, since, counted, samples, p50, p95, p99, decode(forward, 'base64'),
  back_samples, back_p50, back_p95, back_p99, decode(back, 'base64')
FROM json_to_recordset(%(rows)s::json) AS given (
  saga_type text, version text, step text, since date, counted bigint, samples bigint, p50 float8, p95 float8,
  p99 float8, forward text, back_samples bigint, back_p50 float8, back_p95 float8, back_p99 float8, back text
)
ORDER BY saga_type, version, step
ON CONFLICT (saga_type, version, step) DO UPDATE SET
  since = excluded.since, counted = excluded.counted, samples = excluded.samples, p50 = excluded.p50,
  p95 = excluded.p95, p99 = excluded.p99, forward = excluded.forward, back_samples = excluded.back_samples,
  back_p50 = excluded.back_p50, back_p95 = excluded.back_p95, back_p99 = excluded.back_p99,
  back = excluded.back
"""

DROP_NORMS = """
DELETE FROM sagas_stepnorm norm
USING json_to_recordset(%(rows)s::json) AS given (saga_type text, version text, step text)
WHERE (norm.saga_type, norm.version, norm.step) = (given.saga_type, given.version, given.step)
"""

# All that detection asks for, in one go.
NORMS = """
SELECT saga_type, version, step, samples, p50, p95, p99, back_samples, back_p50, back_p95, back_p99
FROM sagas_stepnorm
WHERE samples >= %(fewest)s OR back_samples >= %(fewest)s
"""
