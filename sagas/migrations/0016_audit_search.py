"""Indexes of the audit log, for each of the usual ways to search it."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models

# Of the id its beginning, as an index cannot hold all of a long one.
OF_OBJECT = """
CREATE INDEX audit_of_object
    ON sagas_auditentry (object_kind varchar_pattern_ops, left(object_id, 200) text_pattern_ops, sequence)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0015_audit_anchors'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['actor', 'sequence'], name='audit_of_actor', opclasses=['varchar_pattern_ops', 'int8_ops']),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['action', 'sequence'], name='audit_of_action', opclasses=['varchar_pattern_ops', 'int8_ops']),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['at'], name='audit_at'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.search.SearchVector('reason', config='simple'), name='audit_words'),
        ),
        migrations.RunSQL(OF_OBJECT, "DROP INDEX audit_of_object"),
    ]
