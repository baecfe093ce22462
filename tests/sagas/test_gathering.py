"""What is gathered is said together, and an accident of saying it is not the end."""

import threading

import pytest

from sagas.gathering import Gathering


def test_what_comes_together_is_said_together() -> None:
    said: list[set[str]] = []
    begun, go_on = threading.Event(), threading.Event()

    def say(items: set[str]) -> None:
        said.append(items)
        begun.set()
        assert go_on.wait(60)

    gathering = Gathering("test", 0.0, say, is_awaited=True)
    gathering.take(["a"])
    assert begun.wait(60)
    gathering.take(["b", "c"])
    gathering.take(["c"])
    thread = gathering._thread
    go_on.set()
    assert thread
    thread.join(60)
    assert said == [{"a"}, {"b", "c"}] and gathering._thread is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_an_accident_the_next_is_said() -> None:
    said: list[set[str]] = []

    def say(items: set[str]) -> None:
        if items == {"bad"}:
            raise ValueError("an accident")
        said.append(items)

    gathering = Gathering("test", 0.0, say, is_awaited=True)
    for item in ("bad", "good"):
        gathering.take([item])
        if thread := gathering._thread:
            thread.join(60)
    assert said == [{"good"}]
