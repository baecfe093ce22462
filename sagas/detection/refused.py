"""Whether a transaction failed because of what it was given, so that a part of it may succeed. Pure."""

from django.db import DatabaseError, DataError, IntegrityError

from sagas.mistakes import MISTAKES

# What `is_refused` tells apart.
FAILURES = (DatabaseError, *MISTAKES)

# SQLSTATE, or its first two characters: out of memory, of which the table of locks is a part; a limit of the
# server; a statement that takes longer than it may; an internal error, which may lie in one row.
BY_SIZE = ("53200", "54", "57014", "XX")


def is_refused(error: BaseException) -> bool:
    """A mistake of ours, or what the database says of the rows.

    A lost connection, a full disk, a deadlock or a missing table are no saga's fault.
    """
    if not isinstance(error, DatabaseError):
        return isinstance(error, MISTAKES)
    if isinstance(error, DataError | IntegrityError):
        return True
    state: str = getattr(error.__cause__, "sqlstate", None) or ""
    return state.startswith(BY_SIZE)
