"""How log records are written, ours (structlog) and those of libraries alike: an event, a line or object."""

from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# What every record gets, whoever wrote it.
SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(style: str, level: str) -> dict[str, Any]:
    """Set structlog up and give Django's LOGGING. `style`: text, for people, or json, for a log store."""
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    if style not in RENDERERS:
        raise ValueError(f"LOG_FORMAT must be one of {', '.join(RENDERERS)}, not {style!r}")
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *RENDERERS[style]],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"usual": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "usual"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own handlers would write to nobody: DEBUG is off, and nobody is an ADMIN.
            "django": {"handlers": [], "level": "WARNING", "propagate": True},
            # A line for each task, and for each request sent, says what rows say better.
            "celery": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
        },
    }


def on_one_line(logger: WrappedLogger, method: str, record: EventDict) -> MutableMapping[str, Any]:
    """What others sent may be part of an event: it shall not look like a line of ours."""
    record["event"] = str(record["event"]).replace("\r", "\\r").replace("\n", "\\n")
    return record


RENDERERS: dict[str, list[Processor]] = {
    "text": [
        on_one_line,
        structlog.dev.ConsoleRenderer(
            colors=False, pad_event_to=0, pad_level=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ],
    "json": [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
}
