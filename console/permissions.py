"""Who may do what: one table, read by pages, API, refusals and the role × endpoint tests.

The four roles are Django groups. Each includes what the one before it may do, approver beside operator.
"""

from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class Act(StrEnum):
    """What a role can be needed for; the value completes "may …" in a refusal."""

    VIEW = "look at sagas"
    REPAIR = "start and cancel repairs"
    REPLAY = "replay quarantined events"
    MANAGE = "manage participants, keys and definitions"
    AUDIT = "read the audit log"


ALLOWED: dict[Act, frozenset[Role]] = {
    Act.VIEW: frozenset(Role),
    Act.AUDIT: frozenset(Role),
    Act.REPAIR: frozenset({Role.OPERATOR, Role.APPROVER, Role.ADMIN}),
    Act.REPLAY: frozenset({Role.OPERATOR, Role.APPROVER, Role.ADMIN}),
    Act.MANAGE: frozenset({Role.ADMIN}),
}


def roles(user: AbstractBaseUser | AnonymousUser) -> frozenset[Role]:
    """The user's roles; a superuser has all. Asked once per user object, as one request asks often."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    known = getattr(user, "_amends_roles", None)
    if known is None:
        if getattr(user, "is_superuser", False):
            known = frozenset(Role)
        else:
            names = set(user.groups.values_list("name", flat=True))  # type: ignore[union-attr]
            known = frozenset(role for role in Role if role in names)
        user._amends_roles = known  # type: ignore[union-attr]
    return known


def may(user: AbstractBaseUser | AnonymousUser, act: Act) -> bool:
    return bool(roles(user) & ALLOWED[act])


def refusal(act: Act) -> str:
    """What to tell somebody who may not: always says who could."""
    able = [role for role in Role if role in ALLOWED[act]]
    named = able[0] if len(able) == 1 else f"{', '.join(able[:-1])} or {able[-1]}"
    return f"Only a person with the role {named} may {act}. Ask one of them, or an admin for the role."


class Permission(BasePermission):
    """A DRF permission for one act; `.needs(Act.X)` makes the class."""

    act: Act

    def has_permission(self, request: Request, view: Any) -> bool:
        self.message = refusal(self.act)
        return may(request.user, self.act)


def needs(act: Act) -> type[Permission]:
    return type(f"May{act.name.title()}", (Permission,), {"act": act})


MayView = needs(Act.VIEW)
MayRepair = needs(Act.REPAIR)
MayReplay = needs(Act.REPLAY)
MayManage = needs(Act.MANAGE)
MayAudit = needs(Act.AUDIT)
