"""The audit log: `GET /api/v1/audit`. It is written by the acts themselves."""

from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.generics import ListAPIView

from console import audit_search
from console.api.filters import MomentFilter
from console.api.sagas import SagaNameOut
from console.permissions import Act
from console.seeing import Seeing
from sagas.models import AuditEntry


class AuditFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    actor = filters.CharFilter("actor", label="Exactly this name.")
    action = filters.CharFilter("action", label="Exactly this action, such as repair.started.")
    object_kind = filters.CharFilter("object_kind", label="Such as participant.")
    object_id = filters.CharFilter(method="by_object", label="Exactly this.")
    type = filters.CharFilter("saga__saga_type", label="About sagas of this type.")
    id = filters.CharFilter("saga__saga_id", label="About the saga of this id.")
    after = MomentFilter("at", "gt", label="UTC where no zone is given.")
    before = MomentFilter("at", "lt", label="UTC where no zone is given.")
    reason = filters.CharFilter(method="by_reason", label='With all these words; "side by side", -without.')

    def by_object(self, found: QuerySet[AuditEntry], name: str, value: str) -> QuerySet[AuditEntry]:
        return audit_search.of_object(found, value)

    def by_reason(self, found: QuerySet[AuditEntry], name: str, value: str) -> QuerySet[AuditEntry]:
        return audit_search.with_words(found, value)


class ActorOut(serializers.Serializer[AuditEntry]):
    kind = serializers.CharField(source="actor_kind", help_text="person, token, key or system.")
    name = serializers.CharField(source="actor")
    address = serializers.CharField(allow_null=True)


class ObjectOut(serializers.Serializer[AuditEntry]):
    kind = serializers.CharField(source="object_kind")
    id = serializers.CharField(source="object_id")


class AuditOut(serializers.Serializer[AuditEntry]):
    sequence = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = ActorOut(source="*")
    action = serializers.CharField()
    object = ObjectOut(source="*")
    saga = SagaNameOut(allow_null=True)
    reason = serializers.CharField()
    before = serializers.JSONField()
    after = serializers.JSONField()
    content_hash = serializers.CharField(help_text="SHA-256 of the entry without its place in the chain.")
    previous_hash = serializers.CharField()
    hash = serializers.CharField()


class Audit(ListAPIView[AuditEntry]):
    """What was done, by whom and why, the newest first. It is written by the acts themselves."""

    acts = {"GET": Act.AUDIT, "HEAD": Act.AUDIT}
    queryset = AuditEntry.objects.select_related("saga").defer("saga__facts")
    serializer_class = AuditOut
    filterset_class = AuditFilters
    order = ("-sequence",)

    def paginate_queryset(self, queryset: Any) -> Any:
        return Seeing().entries(super().paginate_queryset(queryset) or [])
