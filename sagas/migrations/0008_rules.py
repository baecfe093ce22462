"""Who looks at whose sagas, and whom to judge anew when one of them changed."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

# Definitions that were loaded before have no rules.
KEYS = """
UPDATE sagas_definition SET keys = ARRAY(
  SELECT jsonb_object_keys(body -> 'keys') ORDER BY 1
) WHERE jsonb_typeof(body -> 'keys') = 'object'
"""


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0007_every_code'),
    ]

    operations = [
        migrations.AddField(
            model_name='definition',
            name='keys',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
        ),
        migrations.AddField(
            model_name='definition',
            name='links',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
        ),
        migrations.RunSQL(KEYS, migrations.RunSQL.noop),
        migrations.CreateModel(
            name='Nudge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.TextField()),
                ('value', models.TextField()),
                ('saga', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sagas.saga')),
            ],
        ),
    ]
