"""A private PostgreSQL and Valkey for one test run, started before settings are read.

pytest-django reads the settings before any conftest, so this is a plugin named on the command line (`-p`,
in pyproject.toml). The process that people start owns the servers; the workers of pytest-xdist find them in
their environment. Nothing here reads or writes the `DATA` of a running stack.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from console.stack import children, postgres, valkey

START_SECONDS = 30.0
STARTED = pytest.StashKey["Cluster"]()


class Cluster:
    """Both servers of a test run, in a temporary folder of their own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="amends-tests-"))
        self.folder.chmod(0o711)
        self.server = postgres.prepare(self.folder / "postgres")
        log = self.folder / "servers.log"
        self.database = postgres.start(
            self.server, log, postgres.UNSAFE_BUT_FAST | {"max_connections": "200"}
        )
        self.broker = valkey.start(self.folder / "valkey", log, keep=False)
        ready = children.wait_until(lambda: postgres.answers(self.server), self.database, START_SECONDS)
        if not (ready and children.wait_until(self._broker_answers, self.broker, START_SECONDS)):
            raise pytest.UsageError(f"The test servers did not start:\n{log.read_text()}")
        postgres.create_database(self.server)

    def _broker_answers(self) -> bool:
        return valkey.answers(self.folder / "valkey")

    def environment(self) -> dict[str, str]:
        return {
            "DATA": str(self.folder / "data"),
            "DATABASE_URL": self.server.url(),
            "BROKER_URL": valkey.url(self.folder / "valkey"),
            "SECRET_KEY": "only-for-tests-" * 4,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "AMENDS_TEST_CLUSTER": str(self.folder),
        }

    def stop(self) -> None:
        children.ask_to_end(self.broker, signal.SIGTERM)
        children.ask_to_end(self.database, postgres.STOP_SIGNAL)
        children.await_end(self.broker, 2)
        children.await_end(self.database, 4)
        postgres.remove(self.folder / "postgres")
        shutil.rmtree(self.folder)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    if "AMENDS_TEST_CLUSTER" not in os.environ:
        cluster = Cluster()
        early_config.stash[STARTED] = cluster
        os.environ.update(cluster.environment())
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    cluster = config.stash.get(STARTED, None)
    if cluster:
        del os.environ["AMENDS_TEST_CLUSTER"]
        cluster.stop()
