"""What the tests of pages stand on: the cast, and one of each thing that pages show."""

from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from console.permissions import Role
from tests.console.cast import Person, person
from tests.console.web.scene import Scene, set_up


@pytest.fixture(autouse=True)
def each_test_has_a_cache_of_its_own(settings: Settings) -> None:
    cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(uuid4())}
    settings.CACHES = {"default": cache}


@pytest.fixture
def scene(db: None) -> Scene:
    return set_up()


@pytest.fixture
def viewer(db: None) -> Person:
    return person("vera", Role.VIEWER)


@pytest.fixture
def operator(db: None) -> Person:
    return person("otto", Role.OPERATOR)


@pytest.fixture
def admin(db: None) -> Person:
    return person("ada", Role.ADMIN)


@pytest.fixture
def outsider(db: None) -> Person:
    """Signed in, with no role."""
    return person("olga")


@pytest.fixture
def stranger(db: None) -> Client:
    """Not signed in."""
    return Client()
