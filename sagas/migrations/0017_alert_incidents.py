"""Channels, routes and silences of alerts as rows, and what people know of a problem in one thread.

What was told before stays told: each problem that people know of gets its incident.
"""

import django.db.models.deletion
from django.db import migrations, models

CHANNELS = """
INSERT INTO sagas_channel (name, kind, config, is_enabled, is_built_in, per_minute, last_error)
SELECT name, kind, '{}', true, true, per_minute, ''
FROM (VALUES ('ALERT_EMAIL_TO', 'email', 60), ('ALERT_WEBHOOK_URLS', 'webhook', 600)) given (name, kind, per_minute)
WHERE EXISTS (SELECT FROM sagas_delivery);
UPDATE sagas_delivery delivery SET via_id = channel.id FROM sagas_channel channel WHERE channel.kind = delivery.channel;
SET CONSTRAINTS ALL IMMEDIATE;
"""

INCIDENTS = """
CREATE TEMPORARY TABLE given ON COMMIT DROP AS
SELECT problem.id AS problem, gen_random_uuid() AS key, last.at, last.worse, last.over
FROM sagas_problem problem
CROSS JOIN LATERAL (
  SELECT max(created_at) AS at, count(*) FILTER (WHERE occasion = 'worsened') AS worse,
    count(*) FILTER (WHERE occasion = 'resolved') AS over
  FROM sagas_alert WHERE problem_id = problem.id
) last
WHERE problem.told_count > 0;
INSERT INTO sagas_incident (
  key, participant, opened_at, joined_at, told_at, told_count, told_problems, told_severity, told_stake,
  times_worse, times_over, acknowledged_by, snoozed_by, until_grown, assignee, assigned_by
)
SELECT key, participant, opened_at, opened_at, coalesce(at, opened_at), told_count, 1, severity, '{}',
  worse, over, '', '', false, '', ''
FROM given JOIN sagas_problem problem ON problem.id = given.problem;
INSERT INTO sagas_membership (incident_id, problem_id, joined_at, is_routed)
SELECT incident.id, given.problem, incident.opened_at, true FROM given JOIN sagas_incident incident USING (key);
UPDATE sagas_alert alert SET incident_id = membership.incident_id
FROM sagas_membership membership WHERE membership.problem_id = alert.problem_id;
INSERT INTO sagas_thread (incident_id, channel_id, target, zone, state)
SELECT DISTINCT alert.incident_id, delivery.channel_id, delivery.target, 'UTC', '{}'::jsonb
FROM sagas_delivery delivery JOIN sagas_alert alert ON alert.id = delivery.alert_id
WHERE alert.incident_id IS NOT NULL;
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0016_audit_search'),
    ]

    operations = [
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('kind', models.CharField(max_length=20)),
                ('config', models.JSONField(default=dict)),
                ('is_enabled', models.BooleanField(default=True)),
                ('is_built_in', models.BooleanField(default=False)),
                ('per_minute', models.IntegerField()),
                ('failing_since', models.DateTimeField(null=True)),
                ('dead_since', models.DateTimeField(null=True)),
                ('last_error', models.TextField(blank=True)),
                ('last_sent_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Escalation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('route', models.JSONField()),
                ('name', models.CharField(max_length=100)),
                ('is_default', models.BooleanField(default=False)),
                ('next_step', models.IntegerField(default=0)),
                ('next_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(unique=True)),
                ('participant', models.CharField(blank=True, max_length=200)),
                ('opened_at', models.DateTimeField()),
                ('joined_at', models.DateTimeField()),
                ('over_at', models.DateTimeField(null=True)),
                ('told_at', models.DateTimeField(null=True)),
                ('told_count', models.IntegerField(default=0)),
                ('told_problems', models.IntegerField(default=0)),
                ('told_severity', models.CharField(blank=True, choices=[('note', 'note'), ('warning', 'warning'), ('error', 'error'), ('critical', 'critical')], max_length=20)),
                ('told_stake', models.JSONField(default=dict)),
                ('times_worse', models.IntegerField(default=0)),
                ('times_over', models.IntegerField(default=0)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('acknowledged_by', models.CharField(blank=True, max_length=200)),
                ('snoozed_at', models.DateTimeField(null=True)),
                ('snoozed_by', models.CharField(blank=True, max_length=200)),
                ('snoozed_until', models.DateTimeField(null=True)),
                ('until_grown', models.BooleanField(default=False)),
                ('assignee', models.CharField(blank=True, max_length=200)),
                ('assigned_by', models.CharField(blank=True, max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('joined_at', models.DateTimeField()),
                ('is_routed', models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name='Route',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.IntegerField()),
                ('name', models.CharField(max_length=100, unique=True)),
                ('is_default', models.BooleanField(default=False)),
                ('body', models.JSONField()),
            ],
            options={
                'ordering': ['position', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Thread',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('target', models.CharField(blank=True, max_length=500)),
                ('zone', models.CharField(default='UTC', max_length=100)),
                ('state', models.JSONField(default=dict)),
            ],
        ),
        migrations.AddField(
            model_name='delivery',
            name='because',
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name='delivery',
            name='replaced_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='delivery',
            name='is_stand_in',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='delivery',
            name='zone',
            field=models.CharField(default='UTC', max_length=100),
        ),
        migrations.AddField(
            model_name='deliveryattempt',
            name='answer',
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name='deliveryattempt',
            name='request',
            field=models.TextField(blank=True),
        ),
        migrations.AlterField(
            model_name='alert',
            name='occasion',
            field=models.CharField(choices=[('opened', 'opened'), ('worsened', 'worsened'), ('resolved', 'resolved'), ('reopened', 'reopened'), ('acknowledged', 'acknowledged'), ('escalated', 'escalated'), ('test', 'test'), ('digest', 'digest'), ('notice', 'notice')], max_length=12),
        ),
        migrations.AlterField(
            model_name='alert',
            name='problem',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='sagas.problem'),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='target',
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.CreateModel(
            name='AlertSilence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('match', models.JSONField()),
                ('reason', models.TextField()),
                ('created_at', models.DateTimeField()),
                ('created_by', models.CharField(max_length=200)),
                ('expires_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_by', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'indexes': [models.Index(fields=['-expires_at'], name='alert_silence_expiry')],
            },
        ),
        migrations.AddField(
            model_name='delivery',
            name='via',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='sagas.channel'),
        ),
        migrations.RunSQL(CHANNELS, migrations.RunSQL.noop),
        migrations.RunSQL(
            "UPDATE sagas_delivery SET replaced_at = now() WHERE state = 'failed'", migrations.RunSQL.noop
        ),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name='delivery', name='delivery_once'),
        migrations.RemoveField(model_name='delivery', name='channel'),
        migrations.RenameField(model_name='delivery', old_name='via', new_name='channel'),
        migrations.AlterField(
            model_name='delivery',
            name='channel',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='sagas.channel'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(fields=('alert', 'channel', 'target'), name='delivery_once'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(fields=['channel', '-id'], name='delivery_of_channel'),
        ),
        migrations.AddField(
            model_name='escalation',
            name='incident',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='escalations', to='sagas.incident'),
        ),
        migrations.AddField(
            model_name='alert',
            name='incident',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='sagas.incident'),
        ),
        migrations.AddField(
            model_name='membership',
            name='incident',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='sagas.incident'),
        ),
        migrations.AddField(
            model_name='membership',
            name='problem',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='sagas.problem'),
        ),
        migrations.AddField(
            model_name='incident',
            name='problems',
            field=models.ManyToManyField(related_name='incidents', through='sagas.Membership', to='sagas.problem'),
        ),
        migrations.AddConstraint(
            model_name='route',
            constraint=models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('is_default',), name='route_default_once'),
        ),
        migrations.AddField(
            model_name='thread',
            name='channel',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='threads', to='sagas.channel'),
        ),
        migrations.AddField(
            model_name='thread',
            name='incident',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='threads', to='sagas.incident'),
        ),
        migrations.AddIndex(
            model_name='escalation',
            index=models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at'], name='escalation_due'),
        ),
        migrations.AddConstraint(
            model_name='escalation',
            constraint=models.UniqueConstraint(fields=('incident', 'name'), name='escalation_once'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('incident', 'problem'), name='membership_once'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('over_at__isnull', True)), fields=['-opened_at'], name='incident_open'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['-over_at'], name='incident_over'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.UniqueConstraint(fields=('incident', 'channel', 'target'), name='thread_once'),
        ),
        migrations.AddIndex(
            model_name='deliveryattempt',
            index=models.Index(fields=['-at'], name='delivery_attempt_newest'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('is_stand_in', False), ('replaced_at', None), ('state__in', ['pending', 'failed'])), fields=['id'], name='delivery_not_taken'),
        ),
        migrations.RunSQL(INCIDENTS, migrations.RunSQL.noop),
    ]
