from collections.abc import Iterator

import pytest

from tests.compensation.dying import Worker
from tests.compensation.participants import Participant, serving
from tests.compensation.shop import Shop


@pytest.fixture
def served() -> Iterator[Participant]:
    with serving() as participant:
        yield participant
        assert participant.unsigned == []


@pytest.fixture
def shop(db: None, served: Participant) -> Shop:
    return Shop(served)


@pytest.fixture
def open_shop(transactional_db: None, served: Participant) -> Shop:
    """Committed, so that other threads and processes see it."""
    return Shop(served)


@pytest.fixture(scope="session")
def worker(django_db_setup: None) -> Iterator[Worker]:
    """One for all tests, as it keeps nothing: each of its works is done by a fork, on what is committed."""
    worker = Worker()
    yield worker
    worker.end()
