"""What the tests of pages stand on: the cast, and one of each thing that pages show."""

import pytest
from django.test import Client

from console.permissions import Role
from tests.console.cast import Person, person
from tests.console.web.scene import Scene, set_up


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
