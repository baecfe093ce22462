"""The SQL of trials. What reads sagas locks none of them."""

# How many sagas there are to look at, and an id above all of theirs.
EXTENT = """
SELECT count(*), coalesce(max(id), 0) + 1
FROM (
  SELECT id FROM sagas_saga WHERE saga_type = %(saga_type)s ORDER BY id DESC LIMIT %(most)s
) newest
"""

# The next sagas, newest first: at least one, and no more once they have so many events together.
NEXT_SAGAS = """
SELECT id, saga_id, definition_id, status
FROM (
  SELECT id, saga_id, definition_id, status, sum(revision) OVER (ORDER BY id DESC) - revision AS before
  FROM (
    SELECT id, saga_id, definition_id, status, revision FROM sagas_saga
    WHERE saga_type = %(saga_type)s AND id < %(cursor)s ORDER BY id DESC LIMIT %(most)s
  ) next
) counted
WHERE before < %(events)s
ORDER BY id DESC
"""

FINDINGS_OF = """
SELECT DISTINCT ON (finding.saga_id, finding.code, finding.step)
  finding.saga_id, finding.code, finding.step, problem.title, finding.closed_at IS NULL
FROM sagas_finding finding JOIN sagas_problem problem ON problem.id = finding.problem_id
WHERE finding.saga_id = ANY(%(sagas)s)
ORDER BY finding.saga_id, finding.code, finding.step, finding.id DESC
"""

# The newest sagas with one of these business keys, in the shape of sagas.detection.links.Row. Of a value that
# very many share any so many, as nothing is decided by it.
LINKED_BY = """
WITH keys AS MATERIALIZED (
  SELECT id, name, value FROM json_to_recordset(%(rows)s::json) AS row (id bigint, name text, value text)
)
SELECT given.id, other.saga_type, other.saga_id, other.definition_id, other.facts, linked.names
FROM (SELECT DISTINCT id FROM keys) given
CROSS JOIN LATERAL (
  SELECT shared.saga_id, array_agg(DISTINCT shared.name) AS names
  FROM (
    SELECT theirs.saga_id, theirs.name
    FROM keys mine
    JOIN sagas_sagakey theirs
      ON theirs.value = mine.value AND theirs.name = mine.name AND theirs.links AND theirs.saga_id <> given.id
    WHERE mine.id = given.id
    LIMIT 10 * %(most)s
  ) shared
  GROUP BY shared.saga_id ORDER BY shared.saga_id DESC LIMIT %(most)s
) linked
JOIN sagas_saga other ON other.id = linked.saga_id
ORDER BY given.id, other.saga_type, other.saga_id
"""

# The oldest that is not finished, if nobody is at work on it: one at a time, so that no trial keeps the
# workers from the sweep. Of two who come at once the second waits for the row and then finds it leased.
TAKE = """
UPDATE sagas_trial SET
  state = 'running',
  began_at = coalesce(began_at, %(now)s),
  lease_until = %(lease)s,
  fence = fence + 1,
  fruitless = fruitless + 1
WHERE id = (SELECT min(id) FROM sagas_trial WHERE state IN ('waiting', 'running'))
  AND state IN ('waiting', 'running')
  AND (lease_until IS NULL OR lease_until <= %(now)s)
RETURNING id
"""

# Finished ones that are old or beyond the newest so many.
REMOVE_OLD = """
DELETE FROM sagas_trial
WHERE state NOT IN ('waiting', 'running')
  AND (
    asked_at < %(before)s
    OR id IN (SELECT id FROM sagas_trial ORDER BY id DESC OFFSET %(most)s)
  )
"""
