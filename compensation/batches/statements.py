"""The SQL of batches. Each takes any number of rows, as JSON or as an array of keys (sagas.sql)."""

CHOOSE = """
INSERT INTO compensation_batchsaga (
  batch_id, position, saga_id, state, revision, plan_hash, actions, warnings, past_pivot, currency, code, why
)
SELECT %(batch)s, chosen.position, chosen.saga_id, 'chosen', 0, '', '{}', '{}', false, '', '', ''
FROM unnest(%(sagas)s::bigint[]) WITH ORDINALITY AS chosen (saga_id, position)
"""

# Whoever plans one keeps others off it; what they hold is left to them.
TAKE_CHOSEN = """
SELECT id, saga_id FROM compensation_batchsaga
WHERE batch_id = %(batch)s AND state = 'chosen'
ORDER BY position LIMIT %(most)s FOR UPDATE SKIP LOCKED
"""

PLAN = """
UPDATE compensation_batchsaga one SET
  state = given.state,
  revision = given.revision,
  plan_hash = given.plan_hash,
  actions = given.actions,
  warnings = given.warnings,
  past_pivot = given.past_pivot,
  stake = given.stake,
  currency = given.currency,
  code = given.code,
  why = given.why
FROM json_to_recordset(%(rows)s::json) AS given (
  id bigint, state text, revision int, plan_hash text, actions text[], warnings text[], past_pivot boolean,
  stake numeric, currency text, code text, why text
)
WHERE one.id = given.id
"""

# What is hashed: in the order in which it will be done.
PINNED = """
SELECT saga.saga_type, saga.saga_id, one.revision, one.plan_hash
FROM compensation_batchsaga one JOIN sagas_saga saga ON saga.id = one.saga_id
WHERE one.batch_id = %(batch)s AND one.state = 'planned'
ORDER BY one.position
"""

# In the order in which a saga has them. What one need not do lets its others come earlier, so the latest
# place of each counts.
ACTIONS = """
SELECT action, count(*)
FROM compensation_batchsaga, unnest(actions) WITH ORDINALITY AS one (action, place)
WHERE batch_id = %(batch)s AND state = 'planned'
GROUP BY action ORDER BY max(place), count(*) DESC, action
"""

# A text that names what differs from saga to saga stands for the others of its code.
LEFT_ALONE = """
SELECT code, count(*), min(why)
FROM compensation_batchsaga
WHERE batch_id = %(batch)s AND state = 'left'
GROUP BY code ORDER BY count(*) DESC, code
"""

WARNINGS = """
SELECT warning, count(*)
FROM compensation_batchsaga, unnest(warnings) AS warning
WHERE batch_id = %(batch)s AND state = 'planned'
GROUP BY warning ORDER BY count(*) DESC, warning LIMIT 20
"""

STAKES = """
SELECT currency, sum(stake)
FROM compensation_batchsaga
WHERE batch_id = %(batch)s AND state = 'planned' AND stake IS NOT NULL
GROUP BY currency ORDER BY currency
"""

# And whether of some nobody knows what is at stake.
TYPES = """
SELECT saga.saga_type, saga.definition_id, bool_or(one.stake IS NULL)
FROM compensation_batchsaga one JOIN sagas_saga saga ON saga.id = one.saga_id
WHERE one.batch_id = %(batch)s AND one.state = 'planned'
GROUP BY saga.saga_type, saga.definition_id
"""

# The lease of whoever runs it: by this, and by the fence, there is one at a time.
TAKE = """
UPDATE compensation_batch SET fence = fence + 1, lease_until = %(until)s
WHERE id = %(batch)s AND state = 'running' AND (lease_until IS NULL OR lease_until <= %(now)s)
RETURNING fence
"""

RENEW = """
UPDATE compensation_batch SET lease_until = %(until)s
WHERE id = %(batch)s AND state = 'running' AND fence = %(fence)s
RETURNING id
"""

LET_GO = """
UPDATE compensation_batch SET lease_until = NULL WHERE id = %(batch)s AND fence = %(fence)s
"""

TAKE_PLANNED = """
SELECT id, saga_id, revision, plan_hash FROM compensation_batchsaga
WHERE batch_id = %(batch)s AND state = 'planned'
ORDER BY position LIMIT %(most)s FOR UPDATE SKIP LOCKED
"""

BEGIN = """
UPDATE compensation_batchsaga one SET
  state = given.state, repair_id = given.repair, code = given.code, why = given.why
FROM json_to_recordset(%(rows)s::json) AS given (id bigint, state text, repair bigint, code text, why text)
WHERE one.id = given.id
"""

CANCEL_PLANNED = """
UPDATE compensation_batchsaga SET state = 'cancelled'
WHERE batch_id = %(batch)s AND state IN ('chosen', 'planned')
"""

# How far it is: sagas that were not begun, and repairs by their state.
PROGRESS = """
SELECT batch_id, state, count(*) FROM compensation_batchsaga
WHERE batch_id = ANY(%(batches)s) AND state <> 'begun' GROUP BY batch_id, state
UNION ALL
SELECT batch_id, 'repair ' || state, count(*) FROM compensation_repair
WHERE batch_id = ANY(%(batches)s) GROUP BY batch_id, state
"""

# Times for calls, one after the other, of which no other runner has any; none where these begin too late.
RESERVE = """
WITH pace AS (
  SELECT id, greatest(next_at, clock_timestamp()) AS begin FROM compensation_pace
  WHERE participant_id = (SELECT id FROM sagas_participant WHERE name = %(participant)s)
  FOR UPDATE
)
UPDATE compensation_pace SET next_at = pace.begin + %(seconds)s * interval '1 second'
FROM pace
WHERE compensation_pace.id = pace.id
  AND pace.begin <= clock_timestamp() + %(moment)s * interval '1 second'
RETURNING extract(epoch FROM pace.begin - clock_timestamp())::float8
"""

CLOSE = """
INSERT INTO compensation_pace (participant_id, at_once, closed_until, because)
SELECT id, 16, %(until)s, %(because)s FROM sagas_participant WHERE name = %(participant)s
ON CONFLICT (participant_id) DO UPDATE SET closed_until = excluded.closed_until, because = excluded.because
"""
