"""The people in these tests: one of each role, and outsiders. Each comes with a client that is signed in."""

import json as json_
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client

from console import tokens
from console.permissions import Role
from sagas.audit import Actor


@dataclass
class Person:
    user: User

    @cached_property
    def browser(self) -> Client:
        client = Client()
        client.force_login(self.user)
        return client

    @cached_property
    def token(self) -> str:
        return tokens.issue(self.user, Actor.system()).secret

    @cached_property
    def program(self) -> Client:
        return Client(headers={"Authorization": f"Bearer {self.token}"})


def person(name: str, *roles: Role, **more: Any) -> Person:
    # Hashing a real password takes longer than most of these tests.
    user = User.objects.create(username=name, password="pbkdf2_sha256$1$none$none", **more)
    user.groups.set(Group.objects.filter(name__in=roles))
    return Person(user)


def everyone() -> dict[str, Person]:
    return {role.value: person(role.value, role) for role in Role} | {"outsider": person("outsider")}


def json(body: object) -> str:
    return json_.dumps(body)


def post(client: Client, address: str, body: Any = None, **more: Any) -> HttpResponse:
    """An act by the API; `address` below /api/v1/."""
    return client.post(f"/api/v1/{address}", body or {}, content_type="application/json", **more)
