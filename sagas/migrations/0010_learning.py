"""What is normal: statistics by step and day, and the queue of sagas to learn from."""

import django.db.models.deletion
from django.db import migrations, models

GIVEN = 2

# Sagas that were stored before are learned from as well, as far back as counts (sagas.learning.normal.WINDOW).
# `lesson` begins as "given" for all rows, which writes none of them; only what has not ended is set back.
LEARN_FROM_WHAT_IS_THERE = """
UPDATE sagas_saga SET lesson = 0 WHERE status NOT IN ('completed', 'compensated', 'failed');
INSERT INTO sagas_unlearned (saga_id)
SELECT id FROM sagas_saga
WHERE status IN ('completed', 'compensated', 'failed') AND ended_at > now() - interval '28 days';
"""

CHOICES = [(0, 'Not Yet'), (1, 'Ended'), (2, 'Given')]


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0009_orphans'),
    ]

    operations = [
        migrations.CreateModel(
            name='StepDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('saga_type', models.CharField(max_length=200)),
                ('version', models.CharField(blank=True, max_length=100)),
                ('step', models.TextField()),
                ('day', models.DateField()),
                ('completed', models.BigIntegerField(default=0)),
                ('failed', models.BigIntegerField(default=0)),
                ('unanswered', models.BigIntegerField(default=0)),
                ('compensated', models.BigIntegerField(default=0)),
                ('compensation_failed', models.BigIntegerField(default=0)),
                ('forward', models.BinaryField(default=b'')),
                ('back', models.BinaryField(default=b'')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('saga_type', 'version', 'step', 'day'), name='step_day_once')],
            },
        ),
        migrations.CreateModel(
            name='StepNorm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('saga_type', models.CharField(max_length=200)),
                ('version', models.CharField(blank=True, max_length=100)),
                ('step', models.TextField()),
                ('since', models.DateField()),
                ('counted', models.BigIntegerField()),
                ('samples', models.BigIntegerField(default=0)),
                ('p50', models.FloatField(null=True)),
                ('p95', models.FloatField(null=True)),
                ('p99', models.FloatField(null=True)),
                ('forward', models.BinaryField(default=b'')),
                ('back_samples', models.BigIntegerField(default=0)),
                ('back_p50', models.FloatField(null=True)),
                ('back_p95', models.FloatField(null=True)),
                ('back_p99', models.FloatField(null=True)),
                ('back', models.BinaryField(default=b'')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('saga_type', 'version', 'step'), name='step_norm_once')],
            },
        ),
        migrations.CreateModel(
            name='Unlearned',
            fields=[
                ('saga', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='unlearned', serialize=False, to='sagas.saga')),
            ],
            options={
                'verbose_name_plural': 'unlearned',
            },
        ),
        migrations.AddField(
            model_name='saga',
            name='lesson',
            field=models.SmallIntegerField(choices=CHOICES, default=GIVEN),
        ),
        migrations.RunSQL(LEARN_FROM_WHAT_IS_THERE, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='saga',
            name='lesson',
            field=models.SmallIntegerField(choices=CHOICES, default=0),
        ),
    ]
