"""Events of foreign types: counted by type and participant, kept to a bound, replayed a type at a time."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0008_rules'),
    ]

    operations = [
        migrations.CreateModel(
            name='Replay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('actor_kind', models.CharField(max_length=10)),
                ('actor', models.CharField(max_length=200)),
                ('actor_address', models.GenericIPAddressField(null=True)),
                ('asked_at', models.DateTimeField()),
                ('until', models.BigIntegerField()),
                ('position', models.BigIntegerField(default=0)),
                ('total', models.IntegerField()),
                ('taken', models.IntegerField(default=0)),
                ('refused', models.IntegerField(default=0)),
                ('state', models.CharField(choices=[('running', 'Running'), ('done', 'Done')], default='running', max_length=10)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='participant',
            name='plain_json',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='quarantined',
            name='is_plain',
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name='ForeignType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('type', models.CharField(max_length=500)),
                ('count', models.BigIntegerField(default=0)),
                ('kept', models.IntegerField(default=0)),
                ('dropped', models.BigIntegerField(default=0)),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('participant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='foreign_types', to='sagas.participant')),
            ],
        ),
        migrations.AddField(
            model_name='quarantined',
            name='foreign_type',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='quarantined', to='sagas.foreigntype'),
        ),
        migrations.AddIndex(
            model_name='quarantined',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['foreign_type', 'id'], name='quarantined_open_of_type'),
        ),
        migrations.AddIndex(
            model_name='quarantined',
            index=models.Index(condition=models.Q(('state', 'open'), models.Q(('reason', 'orphan_event'), _negated=True)), fields=['id'], name='quarantined_faulty'),
        ),
        migrations.AddField(
            model_name='replay',
            name='foreign_type',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='replays', to='sagas.foreigntype'),
        ),
        migrations.AddConstraint(
            model_name='foreigntype',
            constraint=models.UniqueConstraint(fields=('participant', 'type'), name='foreign_type_once'),
        ),
        migrations.AddIndex(
            model_name='replay',
            index=models.Index(condition=models.Q(('state', 'running')), fields=['id'], name='replay_running'),
        ),
        migrations.AddConstraint(
            model_name='replay',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('foreign_type',), name='one_replay_of_a_type'),
        ),
    ]
