"""One event, one line or object, whoever wrote it."""

import json
import subprocess
import sys

import pytest

from console import logs

SCRIPT = """
import logging, logging.config, structlog
from console import logs
logging.config.dictConfig(logs.configure({style!r}, "INFO"))
structlog.get_logger("ours").warning("told", topic="sagas")
logging.getLogger("theirs").error("not\\nfound: %s", "x")
"""


def written(style: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(style=style)], capture_output=True, text=True)
    return done.stderr.splitlines()


def test_for_a_log_store_each_is_an_object() -> None:
    ours, theirs = (json.loads(line) for line in written("json"))
    assert {key: ours[key] for key in ("event", "topic", "level", "logger")} == {
        "event": "told",
        "topic": "sagas",
        "level": "warning",
        "logger": "ours",
    }
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("not\nfound: x", "error", "theirs")


def test_for_people_each_is_a_line() -> None:
    ours, theirs = written("text")
    assert ours.endswith("Z [warning] told [ours] topic=sagas")
    assert theirs.endswith(r"Z [error] not\nfound: x [theirs]")


def test_another_style_is_refused() -> None:
    with pytest.raises(ValueError, match="LOG_FORMAT must be one of text, json, not 'xml'"):
        logs.configure("xml", "INFO")
