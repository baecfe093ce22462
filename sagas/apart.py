"""Sets of which one is not as anybody expects: the others go on without it."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from django.db import DataError, transaction

from sagas.mistakes import MISTAKES

T = TypeVar("T")
R = TypeVar("R")

# What the database, or our own code, raises of a value that others have written and nobody has thought of.
UNEXPECTED = (DataError, RecursionError, *MISTAKES)


class Left(NamedTuple):
    """One that is left out: its changes are rolled back."""

    error: Exception


def divide(work: Callable[[Sequence[T]], R], given: Sequence[T]) -> Iterator[tuple[Sequence[T], R | Left]]:
    """Do `work` for all of them, within the caller's transaction; where one makes it raise, for all but that.

    Gives the parts that it was done for, in order, each with what it returned, and in its place each one that
    it could not be done for. Halves are tried again, so that one in n costs about 2 log n tries. Any error
    that is not of UNEXPECTED, such as that the database is away, is raised.
    """
    try:
        with transaction.atomic():
            done: R | Left = work(given)
    except UNEXPECTED as error:
        if len(given) > 1:
            middle = len(given) // 2
            yield from divide(work, given[:middle])
            yield from divide(work, given[middle:])
            return
        done = Left(error)
    yield given, done


def where(error: Exception) -> dict[str, str]:
    """What is logged of such an error: not its text, which may quote a payload."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    place = f"{ours[-1].filename}:{ours[-1].lineno}"
    return {"error": type(error.__cause__ or error).__name__, "place": place}
