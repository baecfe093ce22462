"""Definitions tried on recorded sagas before they are loaded."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0011_silence'),
    ]

    operations = [
        migrations.CreateModel(
            name='Trial',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('digest', models.CharField(max_length=64)),
                ('saga_type', models.CharField(max_length=200)),
                ('version', models.CharField(max_length=100)),
                ('asked_by', models.CharField(max_length=200)),
                ('asked_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='waiting', max_length=10)),
                ('began_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('of', models.IntegerField()),
                ('looked_at', models.IntegerField(default=0)),
                ('cursor', models.BigIntegerField()),
                ('results', models.JSONField(default=dict)),
                ('lease_until', models.DateTimeField(null=True)),
                ('fence', models.IntegerField(default=0)),
                ('fruitless', models.IntegerField(default=0)),
                ('definition', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='trials', to='sagas.definition')),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'running'])), fields=('digest',), name='trial_at_work_once'),
                ],
            },
        ),
    ]
