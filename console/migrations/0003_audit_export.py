from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('console', '0002_roles'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditExport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('actor_kind', models.CharField(max_length=10)),
                ('actor', models.CharField(max_length=200)),
                ('actor_address', models.GenericIPAddressField(null=True)),
                ('asked_at', models.DateTimeField()),
                ('format', models.CharField(choices=[('csv', 'CSV'), ('jsonl', 'JSON lines')], max_length=5)),
                ('search', models.JSONField()),
                ('until', models.BigIntegerField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='waiting', max_length=10)),
                ('of', models.BigIntegerField(null=True)),
                ('written', models.BigIntegerField(default=0)),
                ('position', models.BigIntegerField(default=0)),
                ('size', models.BigIntegerField(default=0)),
                ('fruitless', models.IntegerField(default=0)),
                ('finished_at', models.DateTimeField(null=True)),
                ('digest', models.CharField(blank=True, max_length=64)),
                ('failure', models.TextField(blank=True)),
            ],
        ),
    ]
