"""A private PostgreSQL for a test run and a Valkey for each of its processes, before settings are read.

pytest-django reads the settings before any conftest, so this is a plugin named on the command line (`-p`,
in pyproject.toml). The process that people start owns the database's server, which the workers of
pytest-xdist find in their environment, and each makes a database there. Queues and what is cached have no
names of their own in a worker, so each has its broker. Nothing here reads or writes the `DATA` of a running
stack.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from console.stack import children, postgres, valkey

# Even where the environment forbids it: compiling the tests, and what pytest rewrites, takes each process of
# a run eight seconds. Git ignores what is written.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

START_SECONDS = 30.0
STARTED = pytest.StashKey[list["Database | Broker"]]()


class Server:
    """A server of this process, in a temporary folder of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="amends-tests-"))
        self.folder.chmod(0o711)
        self.log = self.folder / "server.log"

    def await_answer(self, answers: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
        if not children.wait_until(answers, process, START_SECONDS):
            raise pytest.UsageError(f"A server of the tests did not start:\n{self.log.read_text()}")


class Database(Server):
    """The PostgreSQL of a test run."""

    def __init__(self) -> None:
        super().__init__()
        self.server = postgres.prepare(self.folder / "postgres")
        self.process = postgres.start(
            self.server, self.log, postgres.UNSAFE_BUT_FAST | {"max_connections": "200"}
        )
        self.await_answer(lambda: postgres.answers(self.server), self.process)
        postgres.create_database(self.server)

    def environment(self) -> dict[str, str]:
        return {
            "DATA": str(self.folder / "data"),
            "DATABASE_URL": self.server.url(),
            "SECRET_KEY": "only-for-tests-" * 4,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "AMENDS_TEST_CLUSTER": str(self.folder),
        }

    def stop(self) -> None:
        del os.environ["AMENDS_TEST_CLUSTER"]
        children.ask_to_end(self.process, postgres.STOP_SIGNAL)
        children.await_end(self.process, 4)
        postgres.remove(self.folder / "postgres")
        shutil.rmtree(self.folder)


class Broker(Server):
    """The Valkey of one process of a test run."""

    def __init__(self) -> None:
        super().__init__()
        data = self.folder / "valkey"
        self.process = valkey.start(data, self.log, keep=False)
        self.await_answer(lambda: valkey.answers(data), self.process)

    def environment(self) -> dict[str, str]:
        return {"BROKER_URL": valkey.url(self.folder / "valkey")}

    def stop(self) -> None:
        children.ask_to_end(self.process, signal.SIGTERM)
        children.await_end(self.process, 2)
        shutil.rmtree(self.folder)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    started: list[Database | Broker] = []
    early_config.stash[STARTED] = started
    if "AMENDS_TEST_CLUSTER" not in os.environ:
        started.append(Database())
    started.append(Broker())
    for server in started:
        os.environ.update(server.environment())
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    for server in reversed(config.stash.get(STARTED, [])):
        server.stop()
