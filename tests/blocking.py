"""Whether somebody waits for what this transaction holds, as PostgreSQL itself tells it."""

import time

from django.db import connection

# Longer than any machine is busy with something else.
PATIENCE = 60.0


def wait_until_somebody_waits() -> None:
    """Until another transaction of this database waits for one of our locks; fails where none comes to it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            # Not pg_stat_activity, which a transaction sees as it was when it first looked.
            cursor.execute(
                "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.rowcount:
                return
        time.sleep(0.005)
    raise AssertionError("nobody waits")
