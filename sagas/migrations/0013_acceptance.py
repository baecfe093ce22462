"""Findings that a person accepts, their turns, and what they put at stake."""

import django.db.models.deletion
from django.db import migrations, models

# What is known of the turns of findings that were there before turns were kept.
TURNS = """
INSERT INTO sagas_transition (finding_id, at, what, by, reason, evidence)
SELECT id, opened_at, 'opened', '', '', evidence FROM sagas_finding
UNION ALL
SELECT id, closed_at, 'closed', '', '', evidence FROM sagas_finding WHERE closed_at IS NOT NULL
ORDER BY 2
"""


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0012_trials'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProblemStake',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(blank=True, max_length=12)),
                ('amount', models.DecimalField(decimal_places=8, default=0, max_digits=38)),
            ],
        ),
        migrations.CreateModel(
            name='Transition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('what', models.CharField(choices=[('opened', 'Opened'), ('changed', 'Changed'), ('accepted', 'Accepted'), ('reopened', 'Reopened'), ('closed', 'Closed')], max_length=10)),
                ('by', models.CharField(blank=True, max_length=200)),
                ('reason', models.TextField(blank=True)),
                ('evidence', models.JSONField(default=list)),
            ],
        ),
        migrations.RemoveIndex(
            model_name='finding',
            name='finding_of_problem',
        ),
        migrations.AddField(
            model_name='finding',
            name='accepted_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='finding',
            name='accepted_by',
            field=models.CharField(blank=True, default='', max_length=200),
        ),
        migrations.AddField(
            model_name='finding',
            name='accepted_reason',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='finding',
            name='currency',
            field=models.CharField(blank=True, default='', max_length=12),
        ),
        migrations.AddField(
            model_name='finding',
            name='stake',
            field=models.DecimalField(decimal_places=8, max_digits=23, null=True),
        ),
        migrations.AddField(
            model_name='problem',
            name='accepted_count',
            field=models.IntegerField(default=0),
        ),
        migrations.AddIndex(
            model_name='problem',
            index=models.Index(condition=models.Q(('accepted_count__gt', 0)), fields=['-id'], name='problem_accepted'),
        ),
        migrations.AddIndex(
            model_name='finding',
            index=models.Index(condition=models.Q(('accepted_at__isnull', True), ('closed_at__isnull', True)), fields=['problem', 'since'], name='finding_waiting'),
        ),
        migrations.AddIndex(
            model_name='finding',
            index=models.Index(condition=models.Q(('accepted_at__isnull', True), ('closed_at__isnull', True), ('stake__isnull', False)), fields=['saga'], include=('condition', 'stake', 'currency'), name='finding_at_stake'),
        ),
        migrations.AddIndex(
            model_name='finding',
            index=models.Index(condition=models.Q(('accepted_at__isnull', False), ('closed_at__isnull', True)), fields=['problem', '-accepted_at'], name='finding_accepted'),
        ),
        migrations.AddField(
            model_name='problemstake',
            name='problem',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stakes', to='sagas.problem'),
        ),
        migrations.AddField(
            model_name='transition',
            name='finding',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='transitions', to='sagas.finding'),
        ),
        migrations.AddConstraint(
            model_name='problemstake',
            constraint=models.UniqueConstraint(fields=('problem', 'currency'), name='problem_stake_once'),
        ),
        migrations.AddIndex(
            model_name='transition',
            index=models.Index(fields=['finding', 'id'], name='transition_of_finding'),
        ),
        # Last, as rows that refer to others keep PostgreSQL from changing the table in this transaction.
        migrations.RunSQL(TURNS, migrations.RunSQL.noop),
    ]
