"""The SQL of alerts."""

# Who decides what is told, until the transaction ends: one at a time, or two would tell the same.
BE_TELLER = "SELECT pg_try_advisory_xact_lock(hashtextextended('sagas.alerts.intents', 0))"

KNOWN = """
SELECT problem.id, problem.saga_type, problem.step, problem.code, problem.condition, problem.severity,
  problem.participant, problem.owner, problem.open_count, problem.accepted_count, problem.told_count,
  problem.opened_at, problem.closed_at,
  (
    SELECT json_object_agg(currency, amount::text)::text FROM sagas_problemstake stake
    WHERE stake.problem_id = problem.id AND amount > 0
  )
FROM sagas_problem problem
"""
THESE = f"{KNOWN} WHERE problem.id = ANY(%(problems)s) ORDER BY problem.id"

# Problems that people are or may be told of: what is open, what they know of, what an incident is about.
STANDING = f"""{KNOWN}
WHERE problem.severity = ANY(%(severities)s) AND (problem.closed_at IS NULL OR problem.told_count > 0)
  OR problem.id IN (
    SELECT membership.problem_id FROM sagas_membership membership
    JOIN sagas_incident incident ON incident.id = membership.incident_id
    WHERE incident.over_at IS NULL
  )
ORDER BY problem.id
"""  # noqa: S608  (put together of our own constants)

# The newest incident of each problem, and of open ones all problems.
MEMBERS = """
SELECT membership.incident_id, membership.problem_id, membership.is_routed
FROM sagas_membership membership JOIN sagas_incident incident ON incident.id = membership.incident_id
WHERE membership.problem_id = ANY(%(problems)s) AND (incident.over_at IS NULL OR incident.over_at > %(since)s)
ORDER BY membership.incident_id
"""

# As it is when this runs: somebody may be counting.
TELL_PROBLEMS = """
UPDATE sagas_problem SET told_count = greatest(1, open_count)
WHERE id = ANY(%(problems)s) AND closed_at IS NULL
"""
TELL_OVER = "UPDATE sagas_problem SET told_count = 0 WHERE id = ANY(%(problems)s) AND closed_at IS NOT NULL"

COUNT_SAGAS = """
SELECT count(DISTINCT saga_id) FROM sagas_finding
WHERE problem_id = ANY(%(problems)s) AND closed_at IS NULL AND accepted_at IS NULL
"""

# What was last told in each thread that others hold open, of channels of these kinds.
OPEN_THREADS = """
SELECT thread.id, last.id
FROM sagas_thread thread
JOIN sagas_incident incident ON incident.id = thread.incident_id
JOIN sagas_channel channel ON channel.id = thread.channel_id
JOIN LATERAL (
  SELECT delivery.id FROM sagas_delivery delivery JOIN sagas_alert alert ON alert.id = delivery.alert_id
  WHERE alert.incident_id = incident.id AND delivery.channel_id = channel.id
    AND delivery.target = thread.target AND delivery.state = 'sent'
  ORDER BY delivery.id DESC LIMIT 1
) last ON true
WHERE channel.kind = ANY(%(kinds)s) AND channel.is_enabled
  AND incident.over_at IS NULL AND thread.state <> '{}'
ORDER BY channel.id, thread.id
"""

# For one worker at a time, until it lets go or its connection ends.
TAKE_TURN = "SELECT pg_try_advisory_lock(hashtextextended('sagas.alerts.delivery', 0))"
END_TURN = "SELECT pg_advisory_unlock(hashtextextended('sagas.alerts.delivery', 0))"

# Due deliveries for whoever claims them: nobody else gets one before its lease has run out. One waits for an
# earlier one of its incident to the same target: nobody reads that something is over before that it began.
# What was never tried comes first, so that a dead receiver does not keep new messages waiting. No channel
# gets more than its messages a minute.
CLAIM = """
WITH open AS MATERIALIZED (
  SELECT delivery.id, delivery.channel_id, delivery.attempts, delivery.next_attempt_at,
    row_number() OVER (
      PARTITION BY delivery.channel_id
      ORDER BY delivery.attempts > 0, delivery.next_attempt_at, delivery.id
    ) AS place
  FROM sagas_delivery delivery
  JOIN sagas_alert alert ON alert.id = delivery.alert_id
  WHERE delivery.state = 'pending' AND delivery.next_attempt_at <= %(now)s
    AND NOT EXISTS (
      SELECT FROM sagas_delivery earlier
      JOIN sagas_alert before ON before.id = earlier.alert_id
      WHERE before.incident_id = alert.incident_id AND before.id < alert.id
        AND earlier.state = 'pending'
        AND earlier.channel_id = delivery.channel_id AND earlier.target = delivery.target
    )
), due AS MATERIALIZED (
  SELECT delivery.id
  FROM sagas_delivery delivery
  JOIN open ON open.id = delivery.id
  JOIN sagas_channel channel ON channel.id = delivery.channel_id
  WHERE delivery.state = 'pending' AND delivery.next_attempt_at <= %(now)s
    AND open.place <= channel.per_minute - (
    SELECT count(*) FROM sagas_deliveryattempt attempt
    JOIN sagas_delivery tried ON tried.id = attempt.delivery_id
    WHERE tried.channel_id = channel.id AND attempt.at > %(now)s - interval '1 minute'
  )
  ORDER BY delivery.attempts > 0, delivery.next_attempt_at, delivery.id
  LIMIT %(most)s
  FOR NO KEY UPDATE OF delivery SKIP LOCKED
)
UPDATE sagas_delivery delivery SET attempts = attempts + 1, next_attempt_at = %(lease)s
FROM due WHERE delivery.id = due.id
RETURNING delivery.id
"""
