"""Who is acting, for the audit log: a signed-in person, or a program with a person's token."""

from django.http import HttpRequest
from rest_framework.request import Request

from console.models import ApiToken
from sagas.audit import Actor


def of(request: HttpRequest | Request) -> Actor:
    """The actor of a request that was authenticated. The address is the peer's, as the server tells it.

    Behind a proxy the server must be told whom to believe (docs/deploy.md); nothing here reads forwarded
    addresses, which anybody can write.
    """
    kind = "token" if isinstance(getattr(request, "auth", None), ApiToken) else "person"
    address: str | None = request.META.get("REMOTE_ADDR")
    return Actor(kind, request.user.get_username(), address)  # type: ignore[arg-type]  # one of its words


def of_command(name: str) -> Actor:
    """Whoever may run manage.py on the server; the log tells by which command."""
    return Actor("system", f"manage.py {name}")
