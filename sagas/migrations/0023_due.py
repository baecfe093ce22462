"""What is due gets a table of its own, so that neither sweep nor ingest writes every index of a saga for it."""

import django.db.models.deletion
from django.db import migrations, models

# New rows come and old ones go all the time: cleaned up before there are many, so that the sweep finds what is
# due without passing over what was.
MOVE = """
ALTER TABLE sagas_due SET (autovacuum_vacuum_scale_factor = 0.01);
INSERT INTO sagas_due (saga_id, at) SELECT id, due_at FROM sagas_saga WHERE due_at IS NOT NULL;
"""
MOVE_BACK = """
UPDATE sagas_saga SET due_at = sagas_due.at FROM sagas_due WHERE sagas_due.saga_id = sagas_saga.id;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0022_adoption'),
    ]

    operations = [
        migrations.CreateModel(
            name='Due',
            fields=[
                ('saga', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='due', serialize=False, to='sagas.saga')),
                ('at', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'due',
            },
        ),
        migrations.RunSQL(MOVE, MOVE_BACK),
        migrations.RemoveIndex(
            model_name='saga',
            name='saga_due',
        ),
        migrations.RemoveField(
            model_name='saga',
            name='due_at',
        ),
        migrations.AddIndex(
            model_name='due',
            index=models.Index(fields=['at'], name='due_at'),
        ),
    ]
