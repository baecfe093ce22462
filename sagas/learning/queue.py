"""How a saga that is over gets into the queue: parts of the two statements that write its status.

Those statements name the saga's row `saga`, what they were given `given`, and are themselves named `written`.
So giving costs no statement, and whoever commits that a saga is over commits that it is to be learned from.
"""

from sagas.vocabulary import ENDED

_ENDED = ", ".join(f"'{status}'" for status in sorted(ENDED))

# The new value of the column `lesson` (sagas.models.saga.Lesson).
NEXT = f"CASE WHEN saga.lesson > 0 THEN 2 WHEN given.status IN ({_ENDED}) THEN 1 ELSE 0 END"

# That a saga is there already is no reason to refuse its events.
GIVE = "INSERT INTO sagas_unlearned (saga_id) SELECT id FROM written WHERE lesson = 1 ON CONFLICT DO NOTHING"
