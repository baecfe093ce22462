"""A database for each process of a test run, a copy of the one that the first of them migrated.

Migrating takes some thirty times as long as copying what came of it.
"""

import os

import psycopg
from django.core.management import call_command
from django.db import connection

MIGRATED = "migrated"
# The number of the advisory lock under which a run's processes come here one after the other.
TURN = 1


def give_database() -> None:
    """Have Django's connections lead to a database of this process, migrated and otherwise empty."""
    own = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        # Let go of when this connection ends, whatever happens.
        server.execute("SELECT pg_advisory_lock(%s)", [TURN])
        known = server.execute("SELECT FROM pg_database WHERE datname = %s", [MIGRATED]).fetchone()
        if known is None:
            server.execute("CREATE DATABASE unfinished")
            connection.settings_dict["NAME"] = "unfinished"
            call_command("migrate", verbosity=0)
            # What is renamed or copied must have no visitors.
            connection.close()
            connection.close_pool()
            server.execute(f"ALTER DATABASE unfinished RENAME TO {MIGRATED}")
        server.execute(f"CREATE DATABASE {own} TEMPLATE {MIGRATED}")
    connection.settings_dict["NAME"] = own
