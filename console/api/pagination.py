"""Pages by keyset: each starts after the last row of the one before, however many rows came in between.

A cursor is that row's values, signed for the list it belongs to: opaque, and nothing but what was given out
comes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import paths
from console.api.refusals import BadParameterError

USUAL = 50
MOST = 200


@dataclass(frozen=True, slots=True)
class Cursor:
    """`values` of the order's fields, as text; the page lies before or after the row that has them."""

    is_backward: bool
    values: list[str]


class Keyset(BasePagination):
    """Follows the view's `order`: field names, the last of them unique, all with "-" before them or none."""

    def paginate_queryset(  # type: ignore[override]  # nothing but rows is ever paged
        self, queryset: QuerySet[Model], request: Request, view: APIView | None = None
    ) -> list[Model]:
        self.request = request
        self.order: Sequence[str] = getattr(view, "order", ("-pk",))
        self.limit = _limit(request.query_params.get("limit"))
        self.cursor = self._read(request.query_params.get("cursor"))
        is_backward = self.cursor is not None and self.cursor.is_backward
        order = [_turned(name) for name in self.order] if is_backward else list(self.order)
        if self.cursor:
            queryset = queryset.filter(_beyond(order, self.cursor.values))
        rows = list(queryset.order_by(*order)[: self.limit + 1])
        has_more = len(rows) > self.limit
        self.rows = rows[: self.limit]
        if is_backward:
            self.rows.reverse()
        # Whoever came here by a cursor came from a page on the other side.
        self.has_next = has_more or is_backward
        self.has_previous = has_more if is_backward else self.cursor is not None
        return self.rows

    def get_paginated_response(self, data: Any) -> Response:
        is_there = bool(self.rows)
        return Response(
            {
                "results": data,
                "next": self._link(False, self.rows[-1]) if is_there and self.has_next else None,
                "previous": self._link(True, self.rows[0]) if is_there and self.has_previous else None,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": link, "previous": link},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            {
                "name": "limit",
                "in": "query",
                "description": "The most results on a page.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "Where the page begins: taken from `next` or `previous`, never made up.",
                "schema": {"type": "string"},
            },
        ]

    @property
    def _salt(self) -> str:
        return f"cursor {self.request.path}"

    def _read(self, text: str | None) -> Cursor | None:
        if not text:
            return None
        try:
            is_backward, values = signing.loads(text, salt=self._salt)
        except signing.BadSignature:
            raise BadParameterError(
                "cursor", "This cursor was not given out for this list. Take it from next or previous."
            ) from None
        return Cursor(is_backward, values)

    def _link(self, is_backward: bool, row: Model) -> str:
        values = [_text(getattr(row, name.lstrip("-"))) for name in self.order]
        query = {
            **{name: self.request.query_params.getlist(name) for name in self.request.query_params},
            "cursor": signing.dumps((is_backward, values), salt=self._salt),
        }
        address = f"{paths.address_of(self.request._request)}?{urlencode(query, doseq=True)}"
        return self.request.build_absolute_uri(address)


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST):
        raise BadParameterError("limit", f"Must be a whole number from 1 to {MOST}.")
    return int(text)


def _turned(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _beyond(order: Sequence[str], values: Sequence[str]) -> Q:
    """Rows after these values in this order: a > x, or a = x and b > y, and so on."""
    found = Q()
    for place, name in enumerate(order):
        same = {each.lstrip("-"): value for each, value in zip(order[:place], values, strict=False)}
        way = "lt" if name.startswith("-") else "gt"
        found |= Q(**same, **{f"{name.lstrip('-')}__{way}": values[place]})
    return found


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
