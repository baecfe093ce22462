"""The embedded PostgreSQL where it is not as simple as starting it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.environment import ROOT
from console.stack import children, folders, postgres
from console.stack.errors import StackError
from tests.stack.running import wait_until


@pytest.fixture
def wanted() -> Iterator[Path]:
    """In a folder that only we can enter, as a clone may be."""
    folder = Path(tempfile.mkdtemp(prefix="amends-postgres-"))
    yield folder / "postgres"
    if (folder / "postgres").exists():
        postgres.remove(folder / "postgres")
    shutil.rmtree(folder)


def start(server: postgres.Server, wanted: Path) -> subprocess.Popen[bytes]:
    child = postgres.start(server, wanted.parent / "log", postgres.UNSAFE_BUT_FAST)
    assert children.wait_until(lambda: postgres.answers(server), child, 20), (
        wanted.parent / "log"
    ).read_text()
    return child


def stop(child: subprocess.Popen[bytes]) -> None:
    children.ask_to_end(child, postgres.STOP_SIGNAL)
    children.await_end(child, 5)


def test_it_runs_in_a_folder_that_others_cannot_enter(wanted: Path) -> None:
    server = postgres.prepare(wanted)
    assert wanted.is_symlink() == (os.geteuid() == 0)
    assert postgres.prepare(wanted) == server
    stop(start(server, wanted))


def test_a_pid_file_that_names_another_program_is_no_hindrance(wanted: Path) -> None:
    server = postgres.prepare(wanted)
    lines = [str(os.getpid()), str(server.data), "0", "5432", "", "", "0 0", "ready"]
    (server.data / "postmaster.pid").write_text("\n".join(lines) + "\n")
    stop(start(server, wanted))


def test_a_postmaster_that_outlived_its_supervisor_is_replaced(wanted: Path) -> None:
    server = postgres.prepare(wanted)
    # Started by a process that takes back the order to die with it, and then ends.
    code = f"""
import sys
from pathlib import Path
from console.stack import postgres, children
children._tie_to = lambda parent, number: None
server = postgres.prepare(Path({str(wanted)!r}))
child = postgres.start(server, Path({str(wanted.parent / "log")!r}), postgres.UNSAFE_BUT_FAST)
sys.exit(not children.wait_until(lambda: postgres.answers(server), child, 20))
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    left = int((server.data / "postmaster.pid").read_text().split()[0])
    assert children.is_alive(left)
    child = start(server, wanted)
    assert not children.is_alive(left)
    stop(child)


def test_a_killed_postmaster_can_be_started_again_at_once(wanted: Path) -> None:
    server = postgres.prepare(wanted)
    child = start(server, wanted)
    child.send_signal(signal.SIGKILL)
    child.wait()
    wait_until(lambda: _starts(server, wanted), 15)


def _starts(server: postgres.Server, wanted: Path) -> bool:
    # The sessions of the killed one need a moment to notice; until then the new one refuses.
    child = postgres.start(server, wanted.parent / "log", postgres.UNSAFE_BUT_FAST)
    started = children.wait_until(lambda: postgres.answers(server), child, 10)
    stop(child)
    return started


def test_data_of_another_version_is_refused_in_words(wanted: Path) -> None:
    server = postgres.prepare(wanted)
    (server.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(StackError, match="was made by PostgreSQL 12"):
        postgres.prepare(wanted)


def test_a_link_to_nowhere_is_not_replaced_by_an_empty_database(wanted: Path) -> None:
    wanted.symlink_to(wanted.with_name("gone"))
    with pytest.raises(StackError, match="which is gone"):
        postgres.prepare(wanted)


def test_a_socket_has_a_short_path_also_below_a_long_one(wanted: Path) -> None:
    deep = wanted.parent / ("x" * 120)
    folder = folders.make_for_socket(deep, postgres.SOCKET)
    assert len(os.fsencode(folder / postgres.SOCKET)) <= folders.LONGEST_SOCKET_PATH
    assert folders.make_for_socket(deep, postgres.SOCKET) == folder
    folder.chmod(0o755)
    with pytest.raises(StackError, match="is not ours"):
        folders.make_for_socket(deep, postgres.SOCKET)
    folder.rmdir()
