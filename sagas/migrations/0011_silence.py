"""When each participant was heard, its rhythm, and its silences."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0010_learning'),
    ]

    operations = [
        migrations.CreateModel(
            name='Hearing',
            fields=[
                ('participant', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='hearing', serialize=False, to='sagas.participant')),
                ('heard_at', models.DateTimeField()),
                ('ticks', django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), default=list, size=None)),
            ],
        ),
        migrations.CreateModel(
            name='Rhythm',
            fields=[
                ('participant', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='rhythm', serialize=False, to='sagas.participant')),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('period_since', models.DateTimeField()),
                ('pauses', models.BinaryField(default=b'')),
                ('before', models.BinaryField(default=b'')),
                ('usual', models.FloatField(null=True)),
                ('patience', models.FloatField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='participant',
            name='may_be_silent',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='participant',
            name='speaks_every',
            field=models.IntegerField(null=True),
        ),
        migrations.CreateModel(
            name='Listening',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('since', models.DateTimeField()),
                ('deaf_since', models.DateTimeField()),
                ('review_since', models.DateTimeField(null=True)),
                ('review_after', models.BigIntegerField(default=0)),
                ('review_until', models.BigIntegerField(default=0)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='listening_single')],
            },
        ),
        migrations.CreateModel(
            name='Silence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField()),
                ('patience', models.FloatField()),
                ('usual', models.FloatField(null=True)),
                ('is_declared', models.BooleanField()),
                ('opened_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
                ('participant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='silences', to='sagas.participant')),
                ('problem', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='silences', to='sagas.problem')),
            ],
            options={
                'indexes': [models.Index(fields=['participant', '-opened_at'], name='silence_newest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('closed_at__isnull', True)), fields=('participant',), name='silence_open_once')],
            },
        ),
        # Every few seconds each row is written: room for that beside it, and vacuum before it has grown.
        migrations.RunSQL(
            "ALTER TABLE sagas_hearing SET (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.01)",
            migrations.RunSQL.noop,
        ),
        # So far only the use of keys was noted, once a minute.
        migrations.RunSQL(
            "INSERT INTO sagas_hearing (participant_id, heard_at, ticks)"
            " SELECT participant_id, max(last_used_at), '{}' FROM sagas_participantkey"
            " WHERE last_used_at IS NOT NULL GROUP BY participant_id",
            migrations.RunSQL.noop,
        ),
    ]
