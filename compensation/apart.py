"""Sets of which one is not as anybody expects: the others go on without it."""

import traceback
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
import structlog
from django.db import DataError, transaction

log = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")

# What values that others have written can raise where nobody has thought of them.
UNREADABLE = (
    ArithmeticError,
    DataError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    msgspec.MsgspecError,
)

# Told of what is left out.
WHY = "Amends could not deal with this saga: something in it is not as expected. The worker's log says where."


def do(
    work: Callable[[Sequence[T]], R], given: Sequence[T], name: Callable[[T], str]
) -> tuple[list[R], list[T]]:
    """Do `work` for all of them in one transaction; where one of them makes it raise, for all but that.

    Returns what `work` returned, once for each part that it was done for, in order, and those that it could
    not be done for: their changes are rolled back, and they are logged by their `name`. Halves are tried
    again, so that one in n costs about 2 log n tries. Any other error, such as that the database is away, is
    raised.
    """
    try:
        with transaction.atomic():
            return [work(given)], []
    except UNREADABLE as error:
        if len(given) == 1:
            _tell(error, name(given[0]))
            return [], list(given)
    half = len(given) // 2
    done, left = do(work, given[:half], name)
    further, beside = do(work, given[half:], name)
    return done + further, left + beside


def _tell(error: Exception, name: str) -> None:
    """Where it was raised, without its text, which may quote a payload."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    log.error(
        "repairs: one was left out, which could not be dealt with",
        one=name,
        error=type(error).__name__,
        place=f"{place.filename}:{place.lineno}",
    )
