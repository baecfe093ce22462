"""Repairs of which one cannot be dealt with: the others go on, and it is logged."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog
from django.db import transaction

from sagas.apart import Left, divide, where

log = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")

# Told of what is left out.
WHY = "Amends could not deal with this saga: something in it is not as expected. The worker's log says where."


@transaction.atomic
def do(
    work: Callable[[Sequence[T]], R], given: Sequence[T], name: Callable[[T], str]
) -> tuple[list[R], list[T]]:
    """Do `work` for all of them in one transaction; where one of them makes it raise, for all but that.

    Returns what `work` returned, once for each part that it was done for, in order, and those that it could
    not be done for, which are logged by their `name`.
    """
    results: list[R] = []
    left: list[T] = []
    for part, result in divide(work, given):
        if isinstance(result, Left):
            log.error(
                "repairs: one was left out, which could not be dealt with",
                one=name(part[0]),
                **where(result.error),
            )
            left.append(part[0])
        else:
            results.append(result)
    return results, left
