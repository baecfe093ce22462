"""Statements that take any number of rows, as one JSON parameter.

They go to the server with the parameter apart from the text (psycopg's own cursor): Django's would write a
megabyte of JSON into the statement for the server to find the end of.
"""

from typing import Any

import msgspec
import psycopg
from django.db import connection

_encoder = msgspec.json.Encoder()


def run(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Execute in Django's transaction; the rows, if it returns any. Raises Django's database errors."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def encode(rows: list[Any]) -> str:
    """Rows (dicts or structs) for json_to_recordset."""
    return encode_bytes(rows).decode()


def encode_bytes(rows: list[Any]) -> bytes:
    return _encoder.encode(rows)


def decode(text: str) -> Any:
    """What a json or jsonb column gives, which Django's connections leave as text."""
    return msgspec.json.decode(text)
