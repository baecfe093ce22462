"""Accounts are made by an admin (`manage.py create_user`), never by signing up."""

from collections.abc import Iterable
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from console import actors
from sagas import audit
from sagas.audit import Actor
from sagas.vocabulary import Role


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]  # it has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        known = demo_password(credentials.get("username", ""))
        if not settings.DEMO and constant_time_compare(credentials.get("password", ""), known):
            # The folder of a demo may be run without the demo: its users are then nobody's.
            return None
        user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        return user

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        with transaction.atomic():
            super().login(request, user)
            audit.record(actors.of(request), "user.signed_in", ("user", user.get_username()))

    def logout(self, request: HttpRequest) -> None:
        with transaction.atomic():
            actor = actors.of(request)
            super().logout(request)
            audit.record(actor, "user.signed_out", ("user", actor.name))

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """One's own: no page sets that of somebody else."""
        with transaction.atomic():
            super().set_password(user, password)
            audit.record(actors.of(context.request), "user.password_changed", ("user", user.get_username()))

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("attention")


def demo_password(name: str) -> str:
    """What each of the demo's users signs in with, and nobody elsewhere."""
    return f"{name}-demo"


class UserExistsError(Exception):
    """There is a user of that name already."""


def create_user(name: str, roles: Iterable[Role], password: str, by: Actor) -> User:
    """Raises ValidationError for a name that cannot be used, UserExistsError for one that is taken."""
    user = User(username=User.normalize_username(name))
    user.set_password(password)
    user.clean_fields()
    named = sorted(set(roles))
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            user.groups.set(Group.objects.filter(name__in=named))
            audit.record(by, "user.created", ("user", user.username), after={"roles": named})
    except IntegrityError:
        raise UserExistsError(user.username) from None
    return user


def complaints(name: str, password: str) -> list[str]:
    """What is weak about a password, for people; empty when it will do."""
    try:
        validate_password(password, User(username=name))
    except ValidationError as error:
        return error.messages
    return []
