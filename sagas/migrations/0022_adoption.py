"""Sagas are given to a definition in the background, and found by an index of those that wait for one.

Of the sagas that exist that is worked out here. Every definition goes over its sagas once more: an earlier
version may have left some behind.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

# What ingest writes (sagas.ingest.holding), of what it has written before there was the column.
FIND_UNMET = """
UPDATE sagas_saga SET unmet_version = '' WHERE definition_id IS NULL;
UPDATE sagas_saga saga SET unmet_version = facts::json #>> '{version,1}'
FROM sagas_definition definition
WHERE definition.id = saga.definition_id
  AND facts::json #>> '{version,1}' NOT IN ('', definition.version)
  AND length(facts::json #>> '{version,1}') <= 100;
"""

GO_OVER_ALL = """
INSERT INTO sagas_adoption (definition_id, state, since, position, total, looked_at, adopted, failed)
SELECT id, 'running', 0, 0, 0, 0, 0, 0 FROM sagas_definition ORDER BY id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0021_refusals'),
    ]

    operations = [
        migrations.CreateModel(
            name='Adoption',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('running', 'Running'), ('done', 'Done')], default='running', max_length=10)),
                ('writers', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), null=True, size=None)),
                ('since', models.BigIntegerField(default=0)),
                ('position', models.BigIntegerField(default=0, null=True)),
                ('total', models.IntegerField(default=0)),
                ('looked_at', models.IntegerField(default=0)),
                ('adopted', models.IntegerField(default=0)),
                ('failed', models.IntegerField(default=0)),
                ('finished_at', models.DateTimeField(null=True)),
                ('definition', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='adoption', to='sagas.definition')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'running')), fields=['id'], name='adoption_running')],
            },
        ),
        migrations.AddField(
            model_name='saga',
            name='unmet_version',
            field=models.CharField(max_length=100, null=True),
        ),
        migrations.RunSQL(FIND_UNMET, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='saga',
            name='unmet_version',
            field=models.CharField(db_default='', max_length=100, null=True),
        ),
        migrations.AddIndex(
            model_name='saga',
            index=models.Index(condition=models.Q(('unmet_version__isnull', False)), fields=['saga_type', 'unmet_version', 'id'], name='saga_unmet'),
        ),
        migrations.RunSQL(GO_OVER_ALL, migrations.RunSQL.noop),
    ]
