"""The SQL of accepting. Each statement takes any number of findings."""

# In the order in which ingest locks them too, so that nobody waits for the other in a circle.
LOCK_SAGAS = "SELECT id FROM sagas_saga WHERE id = ANY(%(sagas)s) ORDER BY id FOR NO KEY UPDATE"

# What waits for somebody at this moment, with a digest of its evidence; saga by saga.
WAITING_OF_PROBLEM = """
SELECT id, saga_id, encode(sha256(convert_to(evidence::text, 'UTF8')), 'hex')
FROM sagas_finding
WHERE problem_id = %(problem)s AND closed_at IS NULL AND accepted_at IS NULL
ORDER BY saga_id, id
LIMIT %(most)s
"""

# With the sagas held. `seen` is the digest of WAITING_OF_PROBLEM: what has changed since is left alone.
ACCEPT = """
UPDATE sagas_finding finding
SET accepted_at = %(now)s, accepted_by = %(by)s, accepted_reason = %(reason)s
FROM json_to_recordset(%(rows)s::json) AS given (id bigint, seen text)
WHERE finding.id = given.id AND closed_at IS NULL AND accepted_at IS NULL
  AND (given.seen IS NULL OR encode(sha256(convert_to(evidence::text, 'UTF8')), 'hex') = given.seen)
RETURNING finding.id, problem_id, stake, currency
"""

WITHDRAW = """
UPDATE sagas_finding SET accepted_at = NULL, accepted_by = '', accepted_reason = ''
WHERE id = %(finding)s
"""

# `conditions` from well to worst. After the findings are written, with the sagas held.
SET_CONDITIONS = """
UPDATE sagas_saga saga SET condition = coalesce(worst.condition, 'healthy')
FROM unnest(%(sagas)s::bigint[]) AS given (id)
LEFT JOIN LATERAL (
  SELECT condition FROM sagas_finding
  WHERE saga_id = given.id AND closed_at IS NULL AND accepted_at IS NULL
  ORDER BY array_position(%(conditions)s::text[], condition::text) DESC
  LIMIT 1
) worst ON true
WHERE saga.id = given.id AND saga.condition <> coalesce(worst.condition, 'healthy')
"""
