"""Who may do what: one table, read by pages, API, refusals and the role × endpoint tests.

The four roles are Django groups. Each includes what the one before it may do; an approver may also see what
is masked.
"""

from enum import StrEnum
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from sagas.vocabulary import Role


class Act(StrEnum):
    """What a role can be needed for; the value completes "may …" in a refusal."""

    VIEW = "look at sagas"
    REPAIR = "start and cancel repairs"
    BREAK_GLASS = "start repairs against the policy"
    ACCEPT = "accept findings"
    HANDLE = "acknowledge, put off, assign and silence alerts"
    ROUTE = "set up channels and routes of alerts"
    REPLAY = "replay quarantined events"
    MANAGE = "manage participants, keys and definitions"
    SHARE = "share views with everybody"
    UNSHARE = "remove views that others share"
    AUDIT = "read the audit log"
    SEE_PAYLOAD = "see what is masked"


ALLOWED: dict[Act, frozenset[Role]] = {
    Act.VIEW: frozenset(Role),
    Act.AUDIT: frozenset(Role),
    Act.REPAIR: frozenset({Role.OPERATOR, Role.APPROVER, Role.ADMIN}),
    Act.ACCEPT: frozenset({Role.OPERATOR, Role.APPROVER, Role.ADMIN}),
    Act.HANDLE: frozenset({Role.OPERATOR, Role.APPROVER, Role.ADMIN}),
    Act.ROUTE: frozenset({Role.ADMIN}),
    Act.SHARE: frozenset({Role.OPERATOR, Role.APPROVER, Role.ADMIN}),
    Act.UNSHARE: frozenset({Role.ADMIN}),
    Act.REPLAY: frozenset({Role.OPERATOR, Role.APPROVER, Role.ADMIN}),
    Act.BREAK_GLASS: frozenset({Role.ADMIN}),
    Act.MANAGE: frozenset({Role.ADMIN}),
    # Beside the operators: whoever starts repairs needs no card numbers.
    Act.SEE_PAYLOAD: frozenset({Role.APPROVER, Role.ADMIN}),
}


def roles(user: User | AnonymousUser) -> frozenset[Role]:
    """The user's roles; a superuser has all. Looked up once per user object, as one request asks often."""
    if isinstance(user, AnonymousUser) or not user.is_active:
        return frozenset()
    known: frozenset[Role] | None = user.__dict__.get("_roles_in_amends")
    if known is None:
        names = set(Role) if user.is_superuser else set(user.groups.values_list("name", flat=True))
        known = frozenset(role for role in Role if role in names)
        user.__dict__["_roles_in_amends"] = known
    return known


def may(user: User | AnonymousUser, act: Act) -> bool:
    return bool(roles(user) & ALLOWED[act])


def refusal(act: Act) -> str:
    """What to tell somebody who may not: always says who could."""
    able = [role for role in Role if role in ALLOWED[act]]
    named = able[0] if len(able) == 1 else f"{', '.join(able[:-1])} or {able[-1]}"
    return f"Only a person with the role {named} may {act}. Ask one of them, or an admin for the role."


def signed_in(request: HttpRequest | Request) -> User:
    """Who asks, where a permission has let them past."""
    return cast(User, request.user)


class Permitted(BasePermission):
    """For API views: `acts` of the view names what each method needs; a method it does not name, VIEW."""

    def has_permission(self, request: Request, view: Any) -> bool:
        act = act_of(view, request.method or "")
        self.message = refusal(act)
        return may(request.user, act)


def act_of(view: Any, method: str) -> Act:
    act: Act = getattr(view, "acts", {}).get(method, Act.VIEW)
    return act
