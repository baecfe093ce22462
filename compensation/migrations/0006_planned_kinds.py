from django.db import migrations

# "kind participant step" → ["kind","participant","step"]: names may hold spaces.
TO_JSON = """
UPDATE compensation_batchsaga one SET actions = ARRAY(
    SELECT json_build_array(kind, participant, substr(said, length(kind) + length(participant) + 3))::text
    FROM unnest(one.actions) WITH ORDINALITY AS each (said, position)
    CROSS JOIN LATERAL (SELECT split_part(said, ' ', 1), split_part(said, ' ', 2)) AS part (kind, participant)
    ORDER BY position
)
WHERE actions <> '{}'
"""

TO_WORDS = """
UPDATE compensation_batchsaga one SET actions = ARRAY(
    SELECT concat_ws(' ', said::json ->> 0, said::json ->> 1, said::json ->> 2)
    FROM unnest(one.actions) WITH ORDINALITY AS each (said, position)
    ORDER BY position
)
WHERE actions <> '{}'
"""


class Migration(migrations.Migration):
    dependencies = [("compensation", "0005_starters")]

    operations = [migrations.RunSQL(TO_JSON, TO_WORDS)]
