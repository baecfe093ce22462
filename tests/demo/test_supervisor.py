"""The demo's processes: kept running, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.__main__ import read_services
from demo.steps import PARTICIPANTS
from tests.demo.running import ROOT, Demo, children_of, is_alive, wait_for

pytestmark = pytest.mark.xdist_group("demo that is stopped and started")


@pytest.fixture(scope="module")
def one_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("busy"), "--rate", "10", "--fault-rate", "0")
    yield running
    running.stop()


@pytest.fixture
def busy(one_of_our_own: Demo) -> Demo:
    """A running demo with its traffic, whatever the test before did to it."""
    if not one_of_our_own.is_running:
        one_of_our_own.start()
    return one_of_our_own


def test_the_traffic_keeps_its_rate_and_tells_its_first_story(busy: Demo) -> None:
    wait_for(lambda: any(e["correlationid"] == "order-8401" for e in busy.amends.events))
    with busy.books("traffic") as db:
        wait_for(lambda: db.execute("SELECT name FROM stories").fetchall() == [("parcel: no answer",)])
        (begun,) = db.execute("SELECT sum(next) - 8401 - 51207 FROM numbers").fetchone()
        seconds = time.monotonic() - busy.started
        assert len(db.execute("SELECT saga FROM troubles").fetchall()) == 1
    # The story comes after three seconds of some ten sagas; chance spaces them, and a busy machine even more.
    assert 5 < begun < 20 * seconds


def test_nothing_is_left_after_sigterm(busy: Demo) -> None:
    processes = children_of(busy.process.pid)
    assert len(processes) == len(PARTICIPANTS) + 2
    busy.stop()
    assert busy.process.returncode == 0
    assert not [pid for pid in processes if is_alive(pid)]


def test_a_second_start_goes_on_where_the_first_ended(busy: Demo) -> None:
    with busy.books("traffic") as db:
        query = "SELECT next FROM numbers WHERE saga_type = 'order-fulfilment'"
        (before,) = wait_for(lambda: db.execute(query).fetchone())
        busy.stop()
        busy.start()
        wait_for(lambda: db.execute(query).fetchone()[0] > before)


def test_the_children_die_with_a_killed_supervisor(busy: Demo) -> None:
    processes = children_of(busy.process.pid)
    os.kill(busy.process.pid, signal.SIGKILL)
    busy.process.wait()
    wait_for(lambda: not [pid for pid in processes if is_alive(pid)])


def test_the_demo_dies_with_its_parent(busy: Demo) -> None:
    busy.stop()
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'demo', *sys.argv[1:]])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    arguments = ["--amends-url", "http://127.0.0.1:9", "--data", str(busy.folder), "--rate", "0"]
    arguments += ["--base-port", str(busy.base_port), "--inbox-smtp-port", str(busy.smtp_port)]
    arguments += ["--inbox-http-port", str(busy.inbox_port)]
    parent = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    demo = int(parent.stdout.readline())
    wait_for(lambda: busy.pid("order"))
    processes = children_of(demo)
    assert busy.pid("order") in processes
    parent.kill()
    parent.wait()
    wait_for(lambda: not [pid for pid in [demo, *processes] if is_alive(pid)])


def test_a_missing_participants_file_gets_one_clear_line(tmp_path: Path) -> None:
    arguments = ["--amends-url", "http://127.0.0.1:9", "--data", str(tmp_path), "--base-port", "4000"]
    arguments += ["--inbox-smtp-port", "4100", "--inbox-http-port", "4101"]
    ended = subprocess.run(
        [sys.executable, "-m", "demo", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "No such file" in ended.stderr
    assert "setup_demo" in ended.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "is not as setup_demo writes it"),
        ("no JSON", "Expecting value"),
        ('{"participants": []}', "does not fit --base-port 4000"),
        ('{"participants": [{"name": "order"}]}', "is not as setup_demo writes it"),
    ],
)
def test_a_wrong_participants_file_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "participants.json").write_text(content)
    with pytest.raises(ValueError, match=said):
        read_services(tmp_path, 4000)
