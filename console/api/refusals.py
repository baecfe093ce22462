"""What a view raises to answer with a problem; `console.api.problem_details` writes it.

Apart from that module, as REST framework's views, which it needs, load the parsers, which raise these.
"""

from http import HTTPStatus
from typing import Any

from rest_framework import exceptions


class Refusal(exceptions.APIException):
    """An answer that is not what was asked for; `more` becomes further members of the body."""

    def __init__(self, status: HTTPStatus, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.more = more


class BadParameterError(exceptions.ValidationError):
    """A query parameter that cannot be used; the answer names it."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__({parameter: [detail]}, "bad_parameter")
