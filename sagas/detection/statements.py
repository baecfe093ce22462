"""The SQL of detection. Each statement takes any number of rows, as JSON or as an array of keys."""

from sagas.learning import queue

# Whoever looks at a saga because it is due keeps other sweeps off it. Whoever writes it meanwhile says anew
# when it is due, and waits for that.
_DUE = "SELECT saga_id FROM sagas_due WHERE at <= %(now)s"
TAKE_DUE = f"{_DUE} ORDER BY at LIMIT %(most)s FOR UPDATE SKIP LOCKED"
TAKE_DUE_OF = f"{_DUE} AND saga_id = ANY(%(sagas)s) ORDER BY at FOR UPDATE SKIP LOCKED"

# After those: a statement sees what was committed before it began. With the version of its row.
SAGAS = """
SELECT id, saga_type, saga_id, definition_id, facts, has_findings, condition,
  status, open_effects, unknown_effects, waiting_on, ended_at, xmin::text
FROM sagas_saga WHERE id = ANY(%(sagas)s)
"""

# Those that are as they were read. Who writes one is not waited for: it is due again once that is done.
LOCK_SAGAS = """
SELECT id FROM sagas_saga saga
JOIN json_to_recordset(%(rows)s::json) AS given (id bigint, version text) USING (id)
WHERE saga.xmin::text = given.version
ORDER BY id
FOR NO KEY UPDATE OF saga SKIP LOCKED
"""

# No `at`: nothing can become due.
UPDATE_DUE = """
WITH given AS MATERIALIZED (
  SELECT * FROM json_to_recordset(%(rows)s::json) AS given (id bigint, at timestamptz)
),
over AS (
  DELETE FROM sagas_due USING given WHERE sagas_due.saga_id = given.id AND given.at IS NULL
)
UPDATE sagas_due SET at = given.at FROM given WHERE sagas_due.saga_id = given.id AND given.at IS NOT NULL
"""

UPDATE_SAGAS = f"""
WITH written AS (
UPDATE sagas_saga saga SET
  status = given.status,
  open_effects = given.open_effects,
  unknown_effects = given.unknown_effects,
  waiting_on = given.waiting_on,
  ended_at = given.ended_at,
  condition = given.condition,
  has_findings = given.has_findings,
  lesson = {queue.NEXT}
FROM json_to_recordset(%(rows)s::json) AS given (
  id bigint, status text, open_effects text[], unknown_effects text[], waiting_on text, ended_at timestamptz,
  condition text, has_findings boolean
)
WHERE saga.id = given.id
RETURNING saga.id, saga.lesson
)
{queue.GIVE}
"""  # noqa: S608  (put together of our own constants)

PUT_OFF = "UPDATE sagas_due SET at = %(until)s WHERE saga_id = ANY(%(sagas)s)"

OPEN_FINDINGS_OF = """
SELECT id, saga_id, code, step, since, evidence, detail, severity, problem_id, stake, currency,
  accepted_at IS NOT NULL
FROM sagas_finding WHERE saga_id = ANY(%(sagas)s) AND closed_at IS NULL
"""

# In the order of the array, so that two transactions cannot wait for each other in a circle. In a space of
# its own beside the locks that are one number.
LOCK_SLOTS = """
SELECT pg_advisory_xact_lock(hashtext('sagas.detection.problems'), slot) FROM unnest(%(slots)s::int[]) slot
"""

# What nobody is told of does not wake up a problem that people were told is over. One with accepted findings
# is not over, and the same again however late it comes back.
FIND_PROBLEMS = """
SELECT DISTINCT ON (saga_type, step, code) problem.id, saga_type, step, code
FROM sagas_problem problem
JOIN json_to_recordset(%(rows)s::json) AS given (saga_type text, step text, code text, is_loud boolean)
  USING (saga_type, step, code)
WHERE closed_at IS NULL OR accepted_count > 0
  OR closed_at > %(since)s AND (given.is_loud OR problem.severity <> ALL(%(told)s))
ORDER BY saga_type, step, code, closed_at DESC NULLS FIRST
"""

ADD_PROBLEMS = """
INSERT INTO sagas_problem (
  saga_type, step, code, condition, severity, title, explanation, participant, owner, opened_at,
  open_count, accepted_count, total_count, told_count
)
SELECT saga_type, step, code, condition, severity, title, explanation, participant, owner, %(now)s, 0, 0, 0, 0
FROM json_to_recordset(%(rows)s::json) AS given (
  saga_type text, step text, code text, condition text, severity text, title text, explanation text,
  participant text, owner text
)
RETURNING id, saga_type, step, code
"""

# `severity` and the words are those of the worst finding that was opened, if any; the rest are differences.
# A problem that gets worse than all it was so far is told in the words of what made it so. While accepted
# findings are left nobody is told that it is over, and when it comes back it is told anew.
COUNT_PROBLEMS = """
WITH given AS (
  SELECT given.*, coalesce(
    array_position(%(severities)s::text[], given.severity)
      > array_position(%(severities)s::text[], problem.severity::text), false
  ) AS is_worse
  FROM json_to_recordset(%(rows)s::json) AS given (
    id bigint, open int, accepted int, total int, severity text, title text, explanation text
  )
  JOIN sagas_problem problem USING (id)
)
UPDATE sagas_problem problem SET
  severity = CASE WHEN given.is_worse THEN given.severity ELSE problem.severity END,
  title = CASE WHEN given.is_worse THEN given.title ELSE problem.title END,
  explanation = CASE WHEN given.is_worse THEN given.explanation ELSE problem.explanation END,
  open_count = open_count + given.open,
  accepted_count = accepted_count + given.accepted,
  total_count = total_count + given.total,
  closed_at = CASE
    -- It is over when somebody speaks, however many sagas wait (sagas.detection.silence.watch).
    WHEN problem.code = 'source_silent' THEN closed_at
    WHEN open_count + given.open = 0 THEN coalesce(closed_at, %(now)s::timestamptz)
  END,
  told_count = CASE
    WHEN problem.code <> 'source_silent'
      AND open_count + given.open = 0 AND accepted_count + given.accepted > 0 THEN 0
    ELSE told_count
  END
FROM given
WHERE problem.id = given.id
"""

ADD_STAKES = """
INSERT INTO sagas_problemstake (problem_id, currency, amount)
SELECT problem_id, currency, amount
FROM json_to_recordset(%(rows)s::json) AS given (problem_id bigint, currency text, amount numeric)
ON CONFLICT (problem_id, currency) DO UPDATE SET amount = sagas_problemstake.amount + excluded.amount
"""

OPEN_FINDINGS = """
INSERT INTO sagas_finding (
  saga_id, problem_id, code, step, condition, severity, since, evidence, detail, stake, currency, opened_at,
  accepted_by, accepted_reason
)
SELECT saga_id, problem_id, code, step, condition, severity, since, evidence, detail, stake, currency,
  %(now)s, '', ''
FROM json_to_recordset(%(rows)s::json) AS given (
  saga_id bigint, problem_id bigint, code text, step text, condition text, severity text, since timestamptz,
  evidence jsonb, detail jsonb, stake numeric, currency text
)
RETURNING id
"""

CHANGE_FINDINGS = """
UPDATE sagas_finding finding SET
  since = given.since,
  evidence = given.evidence,
  detail = given.detail,
  stake = given.stake,
  currency = given.currency,
  accepted_at = CASE WHEN NOT given.reopened THEN accepted_at END,
  accepted_by = CASE WHEN given.reopened THEN '' ELSE accepted_by END,
  accepted_reason = CASE WHEN given.reopened THEN '' ELSE accepted_reason END
FROM json_to_recordset(%(rows)s::json) AS given (
  id bigint, since timestamptz, evidence jsonb, detail jsonb, stake numeric, currency text, reopened boolean
)
WHERE finding.id = given.id
"""

CLOSE_FINDINGS = """
UPDATE sagas_finding SET closed_at = %(now)s WHERE id = ANY(%(findings)s)
"""

# After the findings themselves are written. A saga that is tried again every second changes as often: of
# that, one turn within `pause` is kept.
KEEP_TRANSITIONS = """
INSERT INTO sagas_transition (finding_id, at, what, by, reason, evidence)
SELECT finding.id, %(now)s, given.what, %(by)s, %(reason)s, finding.evidence
FROM json_to_recordset(%(rows)s::json) AS given (id bigint, what text)
JOIN sagas_finding finding ON finding.id = given.id
WHERE given.what <> 'changed' OR NOT EXISTS (
  SELECT FROM sagas_transition before
  WHERE before.finding_id = given.id AND before.what = 'changed' AND before.at > %(now)s - %(pause)s::interval
)
"""

# Of each given saga those that share one of these business keys: at most %(most)s, the newest. Of keys that
# link more than %(furthest)s, which can decide nothing, as many are looked at as the database comes across.
LINKED_TO = """
SELECT given.id, other.saga_type, other.saga_id, other.definition_id, other.facts, linked.names
FROM json_to_recordset(%(rows)s::json) AS given (id bigint, names text[])
CROSS JOIN LATERAL (
  SELECT shared.saga_id, array_agg(DISTINCT shared.name) AS names
  FROM (
    SELECT theirs.saga_id, theirs.name
    FROM sagas_sagakey mine
    JOIN sagas_sagakey theirs
      ON theirs.value = mine.value AND theirs.name = mine.name AND theirs.links AND theirs.saga_id <> given.id
    WHERE mine.saga_id = given.id AND mine.links AND mine.name = ANY(given.names)
    LIMIT %(furthest)s
  ) shared
  GROUP BY shared.saga_id ORDER BY shared.saga_id DESC LIMIT %(most)s
) linked
JOIN sagas_saga other ON other.id = linked.saga_id
ORDER BY given.id, other.saga_type, other.saga_id
"""

# Nobody reads what nobody watches for.
ADD_NUDGES = """
INSERT INTO sagas_nudge (saga_id, name, value)
SELECT saga_id, name, value
FROM json_to_recordset(%(rows)s::json) AS given (saga_id bigint, name text, value text)
WHERE EXISTS (SELECT FROM sagas_definition watching WHERE given.name = ANY(watching.links))
"""

TAKE_NUDGES = """
WITH chosen AS MATERIALIZED (
  SELECT id FROM sagas_nudge ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED
),
taken AS (
  DELETE FROM sagas_nudge USING chosen WHERE sagas_nudge.id = chosen.id
  RETURNING sagas_nudge.saga_id, sagas_nudge.name, sagas_nudge.value
)
SELECT DISTINCT watching.id
FROM (SELECT DISTINCT saga_id, name, value FROM taken) nudge
CROSS JOIN LATERAL (
  SELECT saga.id
  FROM sagas_sagakey key
  JOIN sagas_saga saga ON saga.id = key.saga_id
  JOIN sagas_definition definition ON definition.id = saga.definition_id
  WHERE key.value = nudge.value AND key.name = nudge.name AND key.links AND key.saga_id <> nudge.saga_id
    AND nudge.name = ANY(definition.links)
  ORDER BY saga.id DESC LIMIT %(furthest)s
) watching
"""

# In the order in which writers lock them.
MAKE_DUE = """
WITH held AS (
  SELECT saga.id FROM sagas_saga saga LEFT JOIN sagas_due due ON due.saga_id = saga.id
  WHERE saga.id = ANY(%(sagas)s) AND (due.at IS NULL OR due.at > %(now)s)
  ORDER BY saga.id
  FOR NO KEY UPDATE OF saga
)
INSERT INTO sagas_due (saga_id, at) SELECT id, %(now)s FROM held
ON CONFLICT (saga_id) DO UPDATE SET at = excluded.at WHERE sagas_due.at > excluded.at
"""
