"""What a list may be narrowed by: each view's `filterset_class`, and nothing else."""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend, IsoDateTimeFilter
from rest_framework.request import Request
from rest_framework.views import APIView

from console.api.refusals import BadParameterError


class MomentField(IsoDateTimeField):  # type: ignore[misc]  # it has no types
    """In UTC: PostgreSQL takes no zone that is further from it than 16 hours."""

    def clean(self, value: Any) -> datetime | None:
        moment: datetime | None = super().clean(value)
        try:
            return moment.astimezone(UTC) if moment else None
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class MomentFilter(IsoDateTimeFilter):  # type: ignore[misc]  # it has no types
    field_class = MomentField


# Of the pages, not of the filters.
KNOWN_TO_ALL = {"limit", "cursor"}


class Filters(DjangoFilterBackend):  # type: ignore[misc]  # it has no types
    """Refuses what it does not know: a misspelt filter must not look like one that matched everything."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        filters = self.get_filterset_class(view, queryset)
        known = set(filters.base_filters) if filters else set()
        for name in request.query_params:
            if name not in known | KNOWN_TO_ALL:
                told = ", ".join(sorted(known | KNOWN_TO_ALL))
                raise BadParameterError(name, f"There is no such parameter. Those that can be used: {told}.")
        found: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return found
