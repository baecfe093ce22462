"""All codes of DOMAIN.md, a severity for each problem, and whether a saga has findings of any kind."""

from django.db import migrations, models

from sagas.vocabulary import Code, Severity

CODES = [(code.value, code.value) for code in Code]
SEVERITIES = [(severity.value, severity.value) for severity in Severity]


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0006_owner_of_any_length'),
    ]

    operations = [
        migrations.AddField(
            model_name='problem',
            name='severity',
            field=models.CharField(choices=SEVERITIES, default='error', max_length=20),
            preserve_default=False,
        ),
        migrations.RunSQL(
            "UPDATE sagas_problem SET severity = 'critical' WHERE code = 'compensation_failed'",
            migrations.RunSQL.noop,
        ),
        migrations.AddField(
            model_name='saga',
            name='has_findings',
            field=models.BooleanField(default=False),
        ),
        migrations.RunSQL(
            # Every saga is looked at once more: what is wrong with it may have a code only now.
            "UPDATE sagas_saga SET has_findings = condition <> 'healthy', due_at = now()",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name='finding',
            name='code',
            field=models.CharField(choices=CODES, max_length=40),
        ),
        migrations.AlterField(
            model_name='finding',
            name='severity',
            field=models.CharField(choices=SEVERITIES, max_length=20),
        ),
        migrations.AlterField(
            model_name='problem',
            name='code',
            field=models.CharField(choices=CODES, max_length=40),
        ),
    ]
