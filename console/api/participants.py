"""Participants and their keys, below `/api/v1/participants`."""

from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import actors
from console.api.parsing import taken
from console.permissions import Act
from sagas import participants
from sagas.detection.silence import reading
from sagas.models import Participant, ParticipantKey
from sagas.participants import LONGEST_INTERVAL, SHORTEST_INTERVAL, ParticipantError
from sagas.vocabulary import Voice


class KeyOut(serializers.Serializer[ParticipantKey]):
    id = serializers.IntegerField()
    prefix = serializers.CharField(help_text="Its first characters.")
    saga_types = serializers.ListField(
        child=serializers.CharField(), help_text="All that it may report on; empty: any."
    )
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class PlainJson(serializers.Serializer[Any]):
    """How plain JSON, without a CloudEvent's envelope, is read: CEL over `data`, and the source as a word."""

    type = serializers.CharField(max_length=2000, help_text="CEL, such as data.eventType.")
    source = serializers.CharField(  # type: ignore[assignment]  # the field, not what fields have
        max_length=participants.LONGEST_NAME
    )
    id = serializers.CharField(
        required=False, allow_blank=True, max_length=2000, help_text="CEL; without it, the payload's SHA-256."
    )
    time = serializers.CharField(
        required=False, allow_blank=True, max_length=2000, help_text="CEL; without it, the time of receipt."
    )

    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - set(self.fields) if isinstance(data, dict) else set()
        if unknown:
            told = f"There is no such member. Known: {', '.join(sorted(self.fields))}."
            raise ValidationError({name: [told] for name in sorted(unknown)})
        return super().to_internal_value(data)


class HearingOut(serializers.Serializer[reading.Heard]):
    """When it was last heard, and what is normal."""

    voice = serializers.ChoiceField([(voice, voice) for voice in Voice])
    last_heard_at = serializers.DateTimeField(
        source="at", allow_null=True, help_text="An event of it was accepted, also a repeated one."
    )
    usual_pause = serializers.FloatField(
        source="usual", allow_null=True, help_text="Seconds, learned; null while too little is known."
    )
    silent_after = serializers.FloatField(
        source="patience",
        allow_null=True,
        help_text="Seconds after which it counts as silent, as declared or else learned; null: never.",
    )
    silent_since = serializers.DateTimeField(
        source="silence.since", default=None, allow_null=True, help_text="While it is silent."
    )
    problem = serializers.IntegerField(
        source="silence.problem_id", default=None, allow_null=True, help_text="The id of what was found."
    )


class ParticipantOut(serializers.Serializer[Participant]):
    name = serializers.CharField()
    owner = serializers.CharField()
    base_url = serializers.CharField(help_text="Where Amends calls it; empty: it never does.")
    can_sign = serializers.SerializerMethodField(help_text="Whether a secret to sign requests with is set.")
    plain_json = PlainJson(allow_null=True, help_text="Null: plain JSON is not taken from it.")
    created_at = serializers.DateTimeField()
    speaks_every = serializers.IntegerField(
        allow_null=True, help_text="Seconds: declared, that it says something at least this often."
    )
    may_be_silent = serializers.BooleanField(help_text="Declared: that it says nothing is never found.")
    hearing = serializers.SerializerMethodField()
    keys = KeyOut(many=True)

    @extend_schema_field(HearingOut)
    def get_hearing(self, participant: Participant) -> Any:
        return HearingOut(reading.heard(participant)).data

    def get_can_sign(self, participant: Participant) -> bool:
        return bool(participant.signing_secret)


class ParticipantIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=participants.LONGEST_NAME)
    base_url = serializers.CharField(default="", allow_blank=True, max_length=500)
    owner = serializers.CharField(default="", allow_blank=True, max_length=participants.LONGEST_NAME)
    speaks_every = serializers.IntegerField(
        default=None, allow_null=True, min_value=SHORTEST_INTERVAL, max_value=LONGEST_INTERVAL
    )
    may_be_silent = serializers.BooleanField(default=False)


class ChangesIn(serializers.Serializer[Any]):
    base_url = serializers.CharField(required=False, allow_blank=True, max_length=500)
    owner = serializers.CharField(required=False, allow_blank=True, max_length=participants.LONGEST_NAME)
    plain_json = PlainJson(required=False, allow_null=True)
    speaks_every = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=SHORTEST_INTERVAL,
        max_value=LONGEST_INTERVAL,
        help_text="Seconds within which it says something; null: as it is learned.",
    )
    may_be_silent = serializers.BooleanField(required=False)


class KeyIn(serializers.Serializer[Any]):
    saga_types = serializers.ListField(
        child=serializers.CharField(max_length=participants.LONGEST_NAME),
        default=list,
        max_length=200,
        help_text="All that it may report on; empty: any.",
    )


class SecretOut(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="It is not shown again.")


class Participants(ListAPIView[Participant]):
    """Participants and their keys, the newest first."""

    acts = {"POST": Act.MANAGE}
    queryset = reading.with_voices(Participant.objects.prefetch_related("keys"))
    serializer_class = ParticipantOut

    @extend_schema(request=ParticipantIn, responses={201: ParticipantOut})
    def post(self, request: Request) -> Response:
        """Make a participant. It has no key and no signing secret yet."""
        given = taken(ParticipantIn, request)
        try:
            participant = participants.create(**given, by=actors.of(request))
        except ParticipantError as error:
            raise ValidationError(str(error)) from None
        return Response(ParticipantOut(find(participant.name)).data, status=HTTPStatus.CREATED)


class OneParticipant(APIView):
    acts = {"PATCH": Act.MANAGE}

    @extend_schema(responses=ParticipantOut)
    def get(self, request: Request, name: str) -> Response:
        """A participant and its keys."""
        return Response(ParticipantOut(find(name)).data)

    @extend_schema(request=ChangesIn, responses=ParticipantOut)
    def patch(self, request: Request, name: str) -> Response:
        """Change where it is called, who owns it, how its plain JSON is read, or what its silence means."""
        participant, given = find(name), taken(ChangesIn, request)
        by = actors.of(request)
        try:
            with transaction.atomic():
                if "plain_json" in given:
                    participants.choose_plain_json(participant, by, given.pop("plain_json"))
                participants.change(participant, by, **given)
        except ParticipantError as error:
            raise ValidationError(str(error)) from None
        return Response(ParticipantOut(participant).data)


class Keys(APIView):
    acts = {"POST": Act.MANAGE}

    @extend_schema(request=KeyIn, responses={201: SecretOut})
    def post(self, request: Request, name: str) -> Response:
        """Make a key to send events with."""
        participant, given = find(name), taken(KeyIn, request)
        try:
            secret = participants.issue_key(participant, given["saga_types"], actors.of(request))
        except ParticipantError as error:
            raise ValidationError({"saga_types": [str(error)]}) from None
        return Response({"secret": secret}, status=HTTPStatus.CREATED)


class OneKey(APIView):
    acts = {"DELETE": Act.MANAGE}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str, pk: int) -> Response:
        """Revoke a key. Nobody gets in with it from the next request on."""
        keys = ParticipantKey.objects.select_related("participant")
        participants.revoke(get_object_or_404(keys, pk=pk, participant__name=name), actors.of(request))
        return Response(status=HTTPStatus.NO_CONTENT)


class SigningSecret(APIView):
    acts = {"POST": Act.MANAGE}

    @extend_schema(request=None, responses={201: SecretOut})
    def post(self, request: Request, name: str) -> Response:
        """Make a new signing secret, for what Amends sends to it, in place of the one before."""
        secret = participants.issue_signing_secret(find(name), actors.of(request))
        return Response({"secret": secret}, status=HTTPStatus.CREATED)


def find(name: str) -> Participant:
    """Raises Http404."""
    found: QuerySet[Participant] = Participant.objects.prefetch_related("keys")
    return get_object_or_404(reading.with_voices(found), name=name)
