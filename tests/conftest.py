"""What every test stands on, after `tests.cluster` has started the servers."""

import time
from collections.abc import Iterator

import hypothesis
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from tests import migrated

# How long an example takes, or drawing it, says how busy the machine is; `make bench` measures speed.
untimed = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("quick", untimed, max_examples=30)
# `make test ARGS=--hypothesis-profile=thorough` takes its time.
hypothesis.settings.register_profile("thorough", untimed, max_examples=1000)
hypothesis.settings.load_profile("quick")

# Rows that migrations put there, and that every test may rely on.
KEPT = {"django_migrations", "django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}
AUDIT_HEAD = "sagas_audithead"


def empty_tables(case: TransactionTestCase) -> None:
    """Take back what a test committed, as Django's own flush would if the audit log let itself be emptied."""
    tables = set(connection.introspection.table_names()) - KEPT - {AUDIT_HEAD}
    with transaction.atomic(), connection.cursor() as cursor:
        # Triggers and foreign keys rest while a replica is brought up to date; so here.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in sorted(tables):
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
        cursor.execute(f"UPDATE {AUDIT_HEAD} SET sequence = 0, hash = repeat('0', 64)")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have what takes longest begin first, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: not item.path.name.endswith("kills.py"))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to start each shared stack twice, as would happen where pytest-xdist knows no groups."""
    if hasattr(session.config, "workerinput"):
        grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
        if alone := [item.nodeid for item in grouped if "@" not in item.nodeid]:
            raise pytest.UsageError(f"pytest-xdist has not heard of the group of {alone[0]}")


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """In the place of pytest-django's own, which migrates in each process. The server takes all along."""
    with django_db_blocker.unblock():
        migrated.give_database()
    yield
    with django_db_blocker.unblock():
        connection.close()
        connection.close_pool()


@pytest.fixture(scope="session", autouse=True)
def tables_are_emptied_by_us() -> None:
    TransactionTestCase._fixture_teardown = empty_tables


@pytest.fixture(autouse=True)
def connections_go_back() -> Iterator[None]:
    """A thread that ends with a connection takes it out of the pool for good: no test may leave one so."""
    yield
    # Not `connection.pool`, which would be made here, perhaps before the database has its name for the tests.
    pool = connection._connection_pools.get(connection.alias)
    ours = connection.connection is not None
    until = time.monotonic() + 30
    # Others may be about to give theirs back.
    while pool and (stats := pool.get_stats())["pool_size"] - stats["pool_available"] > ours:
        assert time.monotonic() < until, "a thread has kept its connection (sagas.threads)"
        time.sleep(0.01)


@pytest.fixture(scope="session", autouse=True)
def passwords_are_hashed_quickly_and_files_found_when_asked_for() -> None:
    """A strong hash of a password takes longer than most tests, and so does a client's list of all files."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(scope="session", autouse=True)
def files_are_written_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of each process of a run, as each has a database of its own, too."""
    settings.DATA = tmp_path_factory.mktemp("data")
