"""What cannot work is said in one line, before anything is started."""

import dataclasses
import os
import runpy
import shutil
import sys
from pathlib import Path

import pytest

from console.environment import ROOT
from console.stack import __main__ as command
from console.stack import choices, claim, environment_file, ports
from console.stack.choices import Choices
from console.stack.errors import StackError


@pytest.fixture
def chosen(tmp_path: Path) -> Choices:
    return dataclasses.replace(choices.read({}), data=tmp_path / "data")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"PORT": "web"}, "PORT must be a number from 1 to 65535, not 'web'"),
        ({"PORT": "70000"}, "PORT must be a number from 1 to 65535, not '70000'"),
        ({"DEMO_RATE": "fast"}, "DEMO_RATE must be a number of sagas a second, 0.5 or 2 say, not 'fast'"),
        ({"DEMO_RATE": "-1"}, "DEMO_RATE must be a number of sagas a second, 0.5 or 2 say, not '-1'"),
        ({"DEMO": "no"}, "DEMO must be 1 or 0, not 'no'"),
    ],
)
def test_a_choice_that_makes_no_sense_is_named(given: dict[str, str], said: str) -> None:
    with pytest.raises(StackError, match=said):
        choices.read(given)


def test_an_empty_choice_is_none() -> None:
    assert choices.read({"PORT": "", "DEMO": "", "DATABASE_URL": ""}) == choices.read({})


def test_the_command_says_it_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "0")
    assert command.main() == 1
    assert capsys.readouterr().err == "Amends cannot run: PORT must be a number from 1 to 65535, not '0'\n"


def test_a_full_disk(chosen: Choices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "LEAST_FREE", shutil.disk_usage(chosen.data.parent).free + 2**40)
    with pytest.raises(StackError, match="the disk is full"):
        claim.take(chosen)


def test_data_that_is_a_file(chosen: Choices) -> None:
    chosen.data.write_text("")
    with pytest.raises(StackError, match="is not a folder"):
        claim.take(chosen)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_data_of_another_user(chosen: Choices) -> None:
    chosen.data.mkdir()
    (chosen.data / environment_file.NAME).touch()
    os.chown(chosen.data / environment_file.NAME, 65534, 65534)
    with pytest.raises(StackError, match="belongs to another user"):
        claim.take(chosen)


def test_a_too_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"^Amends needs Python 3\.11 or newer"):
        runpy.run_path(str(ROOT / "console/stack/install.py"))


def test_secrets_and_ports_are_made_once(chosen: Choices) -> None:
    chosen.data.mkdir()
    first = environment_file.settle(chosen, {}, "postgresql:///amends", "redis://")
    assert environment_file.settle(chosen, {}, "postgresql:///amends", "redis://") == first
    assert first["AMENDS_DEMO"] == "1"
    assert {name for name in first if first[name] == ""} == set()


def test_what_is_given_is_not_replaced(chosen: Choices) -> None:
    chosen.data.mkdir()
    given = {"SECRET_KEY": "given", "BASE_URL": "https://amends.example"}
    written = environment_file.settle(chosen, given, "postgresql:///amends", "redis://")
    assert written["SECRET_KEY"] == "given"
    assert written["BASE_URL"] == "https://amends.example"


def test_without_the_demo_nothing_of_it_is_written(tmp_path: Path) -> None:
    plain = dataclasses.replace(choices.read({"DEMO": "0"}), data=tmp_path)
    written = environment_file.settle(plain, {}, "postgresql:///amends", "redis://")
    assert written["AMENDS_DEMO"] == "0"
    assert not [name for name in written if name.startswith(("DEMO_", "ALERT_", "EMAIL_"))]


def test_free_ports_stay_the_same_as_long_as_they_are_free() -> None:
    first = ports.find_free(3, None)
    assert ports.find_free(3, first) == first
    with ports.listen(first + 1):
        assert ports.find_free(3, first) != first
