"""The SQL of alerts."""

# Problems that people should hear of now. `told` is what they heard so far. That a participant fell silent
# is told once: more sagas that wait for it are no news.
TO_TELL = """
SELECT problem.id,
  CASE
    WHEN problem.closed_at IS NOT NULL THEN 'resolved'
    WHEN problem.told_count = 0 THEN 'opened'
    ELSE 'worsened'
  END
FROM sagas_problem problem
LEFT JOIN LATERAL (
  SELECT max(created_at) AS last_at, count(*) FILTER (WHERE occasion = 'resolved') AS times_over
  FROM sagas_alert WHERE problem_id = problem.id
) told ON true
WHERE (problem.closed_at IS NULL OR problem.told_count > 0)
  AND problem.severity = ANY(%(severities)s)
  AND CASE
    WHEN problem.closed_at IS NULL AND problem.told_count = 0 THEN true
    WHEN problem.closed_at IS NULL THEN
      problem.code <> 'source_silent' AND problem.open_count >= problem.told_count * %(growth)s
        AND told.last_at <= %(now)s - %(pause)s
    ELSE
      problem.closed_at
        <= %(now)s - least(%(quiet)s * power(%(patience)s, least(told.times_over, 20)), %(longest)s)
  END
ORDER BY problem.id
LIMIT %(most)s
FOR NO KEY UPDATE OF problem SKIP LOCKED
"""

# For one worker at a time, until it lets go or its connection ends.
TAKE_TURN = "SELECT pg_try_advisory_lock(hashtextextended('sagas.alerts.delivery', 0))"
END_TURN = "SELECT pg_advisory_unlock(hashtextextended('sagas.alerts.delivery', 0))"

# Due deliveries for whoever claims them: nobody else gets one before its lease has run out. One waits for an
# earlier one of its problem to the same target: nobody reads that something is over before that it began.
# What was never tried comes first, so that a dead receiver does not keep new messages waiting.
CLAIM = """
WITH due AS MATERIALIZED (
  SELECT delivery.id
  FROM sagas_delivery delivery
  JOIN sagas_alert alert ON alert.id = delivery.alert_id
  WHERE delivery.state = 'pending' AND delivery.next_attempt_at <= %(now)s
    AND NOT EXISTS (
      SELECT FROM sagas_delivery earlier
      JOIN sagas_alert before ON before.id = earlier.alert_id
      WHERE before.problem_id = alert.problem_id AND before.id < alert.id
        AND earlier.state = 'pending'
        AND earlier.channel = delivery.channel AND earlier.target = delivery.target
    )
  ORDER BY delivery.attempts > 0, delivery.next_attempt_at, delivery.id
  LIMIT %(most)s
  FOR NO KEY UPDATE OF delivery SKIP LOCKED
)
UPDATE sagas_delivery delivery SET attempts = attempts + 1, next_attempt_at = %(lease)s
FROM due WHERE delivery.id = due.id
RETURNING delivery.id
"""
