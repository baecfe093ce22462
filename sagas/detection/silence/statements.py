"""The SQL of silences. Participants are few (services of one company), their sagas are not."""

# What waits to be learned from: enough of it, or for long enough. Who learns from one keeps others off it.
TAKE_TICKS = """
SELECT hearing.participant_id, hearing.ticks, rhythm.since, rhythm.until, rhythm.period_since,
  rhythm.pauses, rhythm.before, listening.deaf_since, listening.since
FROM sagas_hearing hearing
LEFT JOIN sagas_rhythm rhythm USING (participant_id)
LEFT JOIN sagas_listening listening ON true
WHERE cardinality(hearing.ticks) >= %(enough)s
  OR (SELECT min(tick) FROM unnest(hearing.ticks) tick) <= %(waited_since)s
ORDER BY hearing.participant_id
LIMIT %(most)s
FOR NO KEY UPDATE OF hearing SKIP LOCKED
"""

CLEAR_TICKS = "UPDATE sagas_hearing SET ticks = '{}' WHERE participant_id = ANY(%(participants)s)"

KEEP_RHYTHMS = """
INSERT INTO sagas_rhythm (
  participant_id, since, until, period_since, pauses, before, usual, patience
)
SELECT participant_id, since, until, period_since, decode(pauses, 'base64'), decode(before, 'base64'),
  usual, patience
FROM json_to_recordset(%(rows)s::json) AS given (
  participant_id bigint, since timestamptz, until timestamptz, period_since timestamptz, pauses text,
  before text, usual float8, patience float8
)
ON CONFLICT (participant_id) DO UPDATE SET
  until = excluded.until, period_since = excluded.period_since, pauses = excluded.pauses,
  before = excluded.before, usual = excluded.usual, patience = excluded.patience
"""

# The one query of a sweep while nobody is silent: how Amends listens, and whoever is silent or about to be.
LOOK = """
SELECT listening.since, listening.review_since IS NOT NULL, heartbeat.at,
  (SELECT max(heard_at) FROM sagas_hearing),
  source.id, source.name, source.owner, source.heard_at, source.patience, source.usual, source.is_declared,
  source.listened_since, source.silence, source.silent_since, source.told_as
FROM (VALUES (1)) one (id)
LEFT JOIN sagas_listening listening USING (id)
LEFT JOIN sagas_heartbeat heartbeat ON heartbeat.name = %(heartbeat)s
LEFT JOIN LATERAL (
  SELECT participant.id, participant.name, participant.owner, hearing.heard_at, judged.patience, rhythm.usual,
    judged.is_declared, rhythm.since AS listened_since, silence.id AS silence,
    silence.since AS silent_since, problem.step AS told_as
  FROM sagas_hearing hearing
  JOIN sagas_participant participant ON participant.id = hearing.participant_id
  LEFT JOIN sagas_rhythm rhythm ON rhythm.participant_id = participant.id
  LEFT JOIN sagas_silence silence ON silence.participant_id = participant.id AND silence.closed_at IS NULL
  LEFT JOIN sagas_problem problem ON problem.id = silence.problem_id
  CROSS JOIN LATERAL (
    SELECT participant.speaks_every IS NOT NULL AS is_declared,
      CASE WHEN NOT participant.may_be_silent THEN coalesce(participant.speaks_every, rhythm.patience) END
        AS patience
  ) judged
  WHERE silence.id IS NOT NULL OR hearing.heard_at < %(now)s - make_interval(secs => judged.patience)
) source ON true
"""

LISTEN_ANEW = """
INSERT INTO sagas_listening (id, since, deaf_since, review_after, review_until)
VALUES (1, %(now)s, %(deaf_since)s, 0, 0)
ON CONFLICT (id) DO UPDATE SET since = excluded.since, deaf_since = excluded.deaf_since
"""

# Who is silent changes while nobody judges, and is judged by as it is: readers share, writers are alone. The
# lock is taken by a statement of its own, as a statement sees what was committed when it began.
SHARE = "SELECT pg_advisory_xact_lock_shared(hashtextextended('sagas.detection.silence', 0))"
BE_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('sagas.detection.silence', 0))"

OPEN_SILENCES = """
SELECT participant.name, problem.step, silence.since, silence.usual, silence.patience, silence.is_declared
FROM sagas_silence silence
JOIN sagas_participant participant ON participant.id = silence.participant_id
JOIN sagas_problem problem ON problem.id = silence.problem_id
WHERE silence.closed_at IS NULL
"""

WERE_HEARD = """
SELECT participant.name
FROM sagas_hearing hearing JOIN sagas_participant participant ON participant.id = hearing.participant_id
"""

CLOSE_SILENCES = "UPDATE sagas_silence SET closed_at = %(now)s WHERE id = ANY(%(silences)s)"

OPEN_SILENCES_OF = """
INSERT INTO sagas_silence (
  participant_id, problem_id, since, patience, usual, is_declared, opened_at
)
SELECT participant, problem, since, patience, usual, is_declared, %(now)s
FROM json_to_recordset(%(rows)s::json) AS given (
  participant bigint, problem bigint, since timestamptz, patience float8, usual float8, is_declared boolean
)
"""

MOVE_SILENCES = """
UPDATE sagas_silence silence SET problem_id = given.problem
FROM json_to_recordset(%(rows)s::json) AS given (silence bigint, problem bigint)
WHERE silence.id = given.silence
"""

CLOSE_PROBLEMS = """
UPDATE sagas_problem problem SET closed_at = %(now)s
WHERE code = %(code)s AND closed_at IS NULL
  AND NOT EXISTS (
    SELECT FROM sagas_silence silence WHERE silence.problem_id = problem.id AND silence.closed_at IS NULL
  )
"""

# Of all findings that there are: what is found from now on is found by whoever knows of the silence. A review
# that is under way begins again, as far back as both need.
ASK_FOR_REVIEW = """
UPDATE sagas_listening SET review_since = least(review_since, %(since)s), review_after = 0,
  review_until = (SELECT coalesce(max(id), 0) FROM sagas_finding)
"""

TAKE_REVIEW = """
SELECT review_since, review_after, review_until FROM sagas_listening WHERE review_since IS NOT NULL
FOR NO KEY UPDATE SKIP LOCKED
"""

# Findings that a silence explains, or may explain: those whose deadline passed since somebody fell silent.
TO_REVIEW = """
SELECT finding.id, finding.saga_id
FROM sagas_problem problem
JOIN sagas_finding finding ON finding.problem_id = problem.id
WHERE problem.code = ANY(%(codes)s) AND problem.open_count > 0
  AND finding.closed_at IS NULL AND finding.since >= %(since)s
  AND finding.id > %(after)s AND finding.id <= %(until)s
ORDER BY finding.id
LIMIT %(most)s
"""

REVIEWED = "UPDATE sagas_listening SET review_since = %(since)s, review_after = %(after)s"
