"""Transactions that other ones may end, and that are then tried again."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection, transaction
from psycopg import errors

# Times that a transaction is tried when PostgreSQL ended it in favour of another.
MOST_TRIES = 6

T = TypeVar("T")


def persist(work: Callable[[], T]) -> T:
    """Run `work` in a transaction, again when it lost against another one.

    Inside of a transaction of the caller it runs once: only the caller could try again.
    """
    if connection.in_atomic_block:
        return work()
    for tried in range(1, MOST_TRIES):
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.DeadlockDetected | errors.SerializationFailure):
                raise
            time.sleep(random.uniform(0, 0.02 * 2**tried))  # noqa: S311  (it only has to differ)
    with transaction.atomic():
        return work()
