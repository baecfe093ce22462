"""A statement that the server works on while we do something else.

Inserting a batch of events keeps PostgreSQL busy for about as long as folding it keeps us (`make bench`), so
that doing both at once saves the shorter of the two. psycopg offers this only with asyncio; its public
libpq interface (psycopg.pq) does it in any function.
"""

import select
from types import TracebackType
from typing import Self

import psycopg
from django.db import connection
from psycopg import errors
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

GOOD = {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}


class Sent:
    """`with Sent(…) as sent:` sends it; `sent.result()` waits. Nothing else may use the connection within.

    The transaction must have begun. Raises Django's database errors, as other statements do.
    """

    def __init__(self, statement: str, *parameters: bytes | None) -> None:
        """The statement has `$1` … in the places of its parameters, which are given as text."""
        self._statement = statement.encode()
        self._parameters = parameters
        self._pgconn = connection.connection.pgconn
        self._is_open = False

    def __enter__(self) -> Self:
        with connection.wrap_database_errors:
            self._pgconn.send_query_params(self._statement, self._parameters)
            self._is_open = True
            while self._pgconn.flush():
                self._wait(select.POLLIN | select.POLLOUT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whatever happened meanwhile, the connection is free for a rollback afterwards."""
        if self._is_open:
            self._take()

    def result(self) -> PGresult:
        result = self._take()
        if result.status not in GOOD:
            with connection.wrap_database_errors:
                raise errors.error_from_result(result)
        return result

    def _take(self) -> PGresult:
        with connection.wrap_database_errors:
            self._is_open = False
            taken: PGresult | None = None
            while True:
                while self._pgconn.is_busy():
                    self._wait(select.POLLIN)
                result = self._pgconn.get_result()
                if result is None:
                    break
                taken = taken or result
            if taken is None:
                raise psycopg.OperationalError("The server sent no result.")
        return taken

    def _wait(self, events: int) -> None:
        poll = select.poll()
        poll.register(self._pgconn.socket, events)
        for _, ready in poll.poll():
            if ready & ~select.POLLOUT:
                self._pgconn.consume_input()
