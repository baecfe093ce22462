"""How log records are written: one line each, whatever they hold."""

import json
import logging
from datetime import UTC, datetime


class Lines(logging.Formatter):
    """For people: time in UTC, level, logger, message; a traceback follows on lines of its own."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return _when(record)

    def formatMessage(self, record: logging.LogRecord) -> str:
        # What others sent may be part of a message: it shall not look like a line of ours.
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")


class Objects(logging.Formatter):
    """For a log store: one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        written = {
            "time": _when(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            written["exception"] = self.formatException(record.exc_info)
        return json.dumps(written)


def _when(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
