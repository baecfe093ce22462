from django.db import migrations

# As `manage.py createcachetable` makes it, for CACHES.
CREATE = """
CREATE TABLE console_cache (
    cache_key varchar(255) NOT NULL PRIMARY KEY,
    value text NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE INDEX console_cache_expires ON console_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("console", "0003_audit_export")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE console_cache")]
