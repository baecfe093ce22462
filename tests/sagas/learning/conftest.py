import pytest

from sagas.learning import memory


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    """What another test taught this process is of another database."""
    memory.forget()
