from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compensation', '0002_batches'),
    ]

    operations = [
        migrations.CreateModel(
            name='DefaultPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.TextField()),
                ('digest', models.CharField(max_length=64)),
                ('body', models.JSONField()),
                ('loaded_at', models.DateTimeField()),
                ('loaded_by', models.CharField(max_length=200)),
            ],
        ),
    ]
