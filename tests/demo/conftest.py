from collections.abc import Iterator

import pytest

from tests.demo.running import Demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """All participants, without traffic. Tests share it, each with sagas of its own."""
    running = Demo(tmp_path_factory.mktemp("demo"), "--rate", "0", "--pace", "0.2")
    yield running
    running.stop()
