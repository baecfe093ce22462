"""The SQL of accepting. Each statement takes any number of findings."""

# In the order in which ingest locks them too, so that nobody waits for the other in a circle.
LOCK_SAGAS = "SELECT id FROM sagas_saga WHERE id = ANY(%(sagas)s) ORDER BY id FOR NO KEY UPDATE"

# A digest of what a finding stands on (sagas.detection.grounds).
_GROUNDS = """
encode(sha256(convert_to(jsonb_build_array(
  evidence,
  (SELECT jsonb_object_agg(key, value) FROM jsonb_each(detail) WHERE key = ANY(%(names)s))
)::text, 'UTF8')), 'hex')
"""

# What waits for somebody at this moment, with that digest; saga by saga.
WAITING_OF_PROBLEM = f"""
SELECT id, saga_id, {_GROUNDS}
FROM sagas_finding
WHERE problem_id = %(problem)s AND closed_at IS NULL AND accepted_at IS NULL
ORDER BY saga_id, id
LIMIT %(most)s
"""  # noqa: S608  (put together of our own constants)

# With the sagas held. `seen` is the digest of WAITING_OF_PROBLEM: what has changed since is left alone.
ACCEPT = f"""
UPDATE sagas_finding finding
SET accepted_at = %(now)s, accepted_by = %(by)s, accepted_reason = %(reason)s
FROM json_to_recordset(%(rows)s::json) AS given (id bigint, seen text)
WHERE finding.id = given.id AND closed_at IS NULL AND accepted_at IS NULL
  AND (given.seen IS NULL OR {_GROUNDS} = given.seen)
RETURNING finding.id, problem_id, stake, currency
"""  # noqa: S608  (likewise)

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
