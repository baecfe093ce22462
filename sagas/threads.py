"""Work on threads of our own: Django does not see them end, so that their connections would not go back."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")


def hangs_up(work: Callable[P, T]) -> Callable[P, T]:
    """For what is given to threads: afterwards the connection, if it took one, is back in the pool."""

    @wraps(work)
    def done(*given: P.args, **named: P.kwargs) -> T:
        try:
            return work(*given, **named)
        finally:
            connections.close_all()

    return done
