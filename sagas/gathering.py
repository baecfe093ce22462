"""Gathering what a process has to say, and saying it together, without slowing down whoever has it to say."""

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Gathering(Generic[T]):
    """What was not yet said, and the thread that says it; it ends when there has been nothing for `pace`.

    `say` gets everything at once, from a thread of its own and at most every `pace` seconds. `is_awaited`:
    whether a process that ends waits until its last is said.
    """

    def __init__(self, name: str, pace: float, say: Callable[[set[T]], None], *, is_awaited: bool) -> None:
        self._name, self._pace, self._say, self._is_awaited = name, pace, say, is_awaited
        self._start_anew()
        _all.add(self)

    def _start_anew(self) -> None:
        self._lock = threading.Lock()
        self._items: set[T] = set()
        self._thread: threading.Thread | None = None

    def take(self, items: Iterable[T]) -> None:
        with self._lock:
            self._items.update(items)
            if self._items and self._thread is None:
                daemon = not self._is_awaited
                self._thread = threading.Thread(target=self._say_all, name=self._name, daemon=daemon)
                self._thread.start()

    def _say_all(self) -> None:
        try:
            while items := self._gathered():
                self._say(items)
                time.sleep(self._pace)
        except BaseException:
            # Whatever it died of: the next item begins another.
            with self._lock:
                self._thread = None
            raise

    def _gathered(self) -> set[T]:
        with self._lock:
            items, self._items = self._items, set()
            if not items:
                self._thread = None
            return items


_all: "weakref.WeakSet[Gathering[Any]]" = weakref.WeakSet()


def _after_fork() -> None:
    """A forked process has no thread, and what its parent has to say is not its business."""
    for gathering in _all:
        gathering._start_anew()


os.register_at_fork(after_in_child=_after_fork)
