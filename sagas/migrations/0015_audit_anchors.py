"""Anchors of the audit log. What they say is never changed; whether they were told to somebody may be."""

from django.db import migrations, models

REFUSE = """
CREATE TRIGGER audit_anchor_unchanged BEFORE UPDATE OF sequence, hash, at OR DELETE ON sagas_auditanchor
    FOR EACH ROW EXECUTE FUNCTION sagas_audit_refuse();
CREATE TRIGGER audit_anchor_not_emptied BEFORE TRUNCATE ON sagas_auditanchor
    FOR EACH STATEMENT EXECUTE FUNCTION sagas_audit_refuse();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0014_audit_two_levels'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditAnchor',
            fields=[
                ('sequence', models.BigIntegerField(primary_key=True, serialize=False)),
                ('hash', models.CharField(max_length=64)),
                ('at', models.DateTimeField()),
                ('next_attempt_at', models.DateTimeField()),
                ('told_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-sequence'],
            },
        ),
        # The table goes with its triggers.
        migrations.RunSQL(REFUSE, migrations.RunSQL.noop),
    ]
