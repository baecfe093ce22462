"""Your own API tokens: `GET, POST /api/v1/tokens`, `DELETE /api/v1/tokens/{id}`."""

from http import HTTPStatus

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import actors, tokens
from console.api.refusals import Refusal
from console.models import ApiToken
from console.permissions import signed_in


class TokenOut(serializers.Serializer[ApiToken]):
    id = serializers.IntegerField()
    prefix = serializers.CharField(help_text="Its first characters.")
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class IssuedTokenOut(TokenOut):
    secret = serializers.CharField(help_text="The token itself. It is not shown again.")


def mine(request: Request) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=request.user.pk)


class Tokens(ListAPIView[ApiToken]):
    """Your own API tokens, the newest first."""

    serializer_class = TokenOut

    def get_queryset(self) -> QuerySet[ApiToken]:
        return mine(self.request)

    @extend_schema(request=None, responses={201: IssuedTokenOut})
    def post(self, request: Request) -> Response:
        """Make an API token. Only in the browser: whoever finds a token cannot make themselves another."""
        if request.auth is not None:
            detail = "A token makes no tokens: sign in, or use manage.py create_token."
            raise Refusal(HTTPStatus.FORBIDDEN, "sign_in", detail)
        issued = tokens.issue(signed_in(request), actors.of(request))
        body = {**TokenOut(issued.token).data, "secret": issued.secret}
        return Response(body, status=HTTPStatus.CREATED)


class OneToken(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Revoke an API token. It opens nothing from the next request on."""
        token = get_object_or_404(mine(request).select_related("user"), pk=pk)
        tokens.revoke(token, actors.of(request))
        return Response(status=HTTPStatus.NO_CONTENT)
