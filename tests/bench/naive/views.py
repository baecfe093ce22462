"""The endpoint that Django REST framework suggests: a ModelSerializer behind a CreateAPIView.

It stores less than Amends does: no merged facts, no steps, no keys, no deadlines; only the event and the
newest word of its saga. One event a request, or a list of them.
"""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.generics import CreateAPIView
from rest_framework.parsers import JSONParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.serializers import CharField, ModelSerializer, Serializer

from sagas import participants
from tests.bench.naive.models import NaiveEvent, NaiveSaga


class EventSerializer(ModelSerializer):
    id = CharField(source="event_id")
    type = CharField(source="kind")
    correlationid = CharField(write_only=True)
    sagatype = CharField(write_only=True)
    sagastep = CharField(source="step", required=False)
    sagaattempt = CharField(source="attempt", required=False)

    class Meta:
        model = NaiveEvent
        fields = [
            "id",
            "source",
            "type",
            "correlationid",
            "sagatype",
            "sagastep",
            "sagaattempt",
            "time",
            "data",
        ]

    @transaction.atomic
    def create(self, validated_data: dict[str, Any]) -> NaiveEvent:
        saga, _ = NaiveSaga.objects.get_or_create(
            saga_type=validated_data.pop("sagatype"), saga_id=validated_data.pop("correlationid")
        )
        event: NaiveEvent = NaiveEvent.objects.create(saga=saga, **validated_data)
        if event.kind.startswith("saga."):
            saga.status = event.kind.removeprefix("saga.")
        saga.last_event_at = event.time
        saga.save()
        return event


class KeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[AnonymousUser, object]:
        key = participants.find_by_secret(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if key is None:
            raise AuthenticationFailed
        return AnonymousUser(), key


class Events(CreateAPIView):
    authentication_classes = (KeyAuthentication,)
    permission_classes = (AllowAny,)
    parser_classes = (JSONParser,)
    serializer_class = EventSerializer
    queryset = NaiveEvent.objects.all()

    def get_serializer(self, *args: Any, **kwargs: Any) -> Serializer:
        return super().get_serializer(*args, many=isinstance(kwargs.get("data"), list), **kwargs)
