"""The whole stack for real: it starts, it heals, it stops, and nothing is lost or left behind."""

import os
import signal
import stat
from collections.abc import Iterator

import psycopg
import pytest

from console import environment
from console.stack import keeper
from tests.stack.running import PARTS, PATIENCE, Stack, wait_until

# One stack for all of them, so they must meet in one process.
pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    stack = Stack()
    try:
        assert stack.run().startswith(f"Amends is ready at {stack.url}")
        with database(stack) as connection:
            connection.execute("CREATE TABLE kept (what text)")
            connection.execute("INSERT INTO kept VALUES ('before the crash')")
        yield stack
    finally:
        stack.remove()


def database(stack: Stack) -> psycopg.Connection:
    url = environment.read_stack_env(stack.data / "stack.env")["DATABASE_URL"]
    return psycopg.connect(url, autocommit=True, connect_timeout=2)


def is_kept(stack: Stack) -> bool:
    try:
        with database(stack) as connection:
            return connection.execute("SELECT what FROM kept").fetchall() == [("before the crash",)]
    except psycopg.OperationalError:
        return False


def test_it_is_really_ready_when_it_says_so(stack: Stack) -> None:
    assert stack.status("/readyz") == 200
    assert {part for part in PARTS if stack.pid(part)} == set(PARTS)


def test_manage_py_reaches_the_stack_of_the_same_folder(stack: Stack) -> None:
    assert "[X]" in stack.manage("showmigrations", "sagas")
    assert stat.S_IMODE((stack.data / "stack.env").stat().st_mode) == 0o600


def test_a_second_run_on_the_same_folder_says_who_has_it(stack: Stack) -> None:
    second = stack.command()
    said, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert said.count("\n") == 1
    assert f"already running on {stack.data} (process {stack.supervisor.pid}, {stack.url})" in said


def test_a_port_in_use_is_named(stack: Stack) -> None:
    other = stack.command(DATA=str(stack.folder / "other"))
    said, _ = other.communicate(timeout=PATIENCE)
    assert other.returncode == 1
    assert said.count("\n") == 1
    assert f"port {stack.port} is in use" in said


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_is_started_again(stack: Stack, part: str) -> None:
    before = stack.pid(part)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: stack.pid(part) not in {None, before})
    wait_until(lambda: stack.status("/readyz") == 200)
    wait_until(lambda: is_kept(stack))


def test_a_killed_supervisor_takes_everything_along_and_the_next_run_loses_nothing(stack: Stack) -> None:
    before = environment.read_stack_env(stack.data / "stack.env")
    stack.supervisor.kill()
    stack.supervisor.communicate()
    assert stack.run().startswith("Amends is ready")
    assert is_kept(stack)
    assert environment.read_stack_env(stack.data / "stack.env") == before
    wait_until(lambda: len([pid for pid, line in stack.processes().items() if "console.stack" in line]) == 1)


def test_a_request_to_stop_leaves_no_process(stack: Stack) -> None:
    assert stack.stop() == 0
    assert stack.processes() == {}
    # Whatever has not ended by then is killed.
    assert keeper.PATIENCE_WITH_PARTS + keeper.PATIENCE_WITH_STORES < 5
