"""kill -9 at a chosen line, wherever a death there can differ from the one before."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Mapping
from types import FrameType
from typing import Any

# Through these a process changes what outlives it, or hears of it.
WAYS_OUT = (
    "/psycopg/connection.py",
    "/sagas/ingest/sending.py",
    "/asyncio/selector_events.py",
    "/smtplib.py",
)
# Here each line may do so, by calls that no tracing shows.
WRITERS = {"exports/files.py"}

# Threads beside the work, whose moments are chance: pings to open pages, and the pool of connections.
ASIDE = ("changes", "pool-")

# What a loop does once more is of no news from here on.
MOST_TIMES = 3


class Death:
    """Kills its process, once it has written down where, at the n-th place of these files (path to name).

    A place is a line before which the process has been in touch with the world since the last place: whoever
    dies at a line between leaves behind the same. In whichever thread; each line a few times, as loops are.
    """

    def __init__(self, files: Mapping[str, str], at: int, last_words: int) -> None:
        self.files = files
        self.at = at
        self.last_words = last_words
        self.places = 0
        self.times: Counter[tuple[str, int]] = Counter()
        self.is_touched = True
        self.lock = threading.Lock()

    def watch(self, frame: FrameType, event: str, argument: Any) -> Any:
        path = frame.f_code.co_filename
        if path.endswith(WAYS_OUT) and not threading.current_thread().name.startswith(ASIDE):
            self.is_touched = True
            frame.f_trace_lines = False
            return self._come_back
        file = self.files.get(path)
        if file is None:
            return None
        if event == "line":
            with self.lock:
                self._pass(file, frame.f_lineno)
        return self.watch

    def _come_back(self, frame: FrameType, event: str, argument: Any) -> Any:
        # Anew, as another thread may have come to a place while this one was away.
        if event == "return":
            self.is_touched = True
        return self._come_back

    def _pass(self, file: str, line: int) -> None:
        place = (file, line)
        is_new = file in WRITERS and not self.times[place]
        is_place = is_new or (self.is_touched and self.times[place] < MOST_TIMES)
        self.is_touched = False
        if is_place:
            self.times[place] += 1
            self.places += 1
            if self.places == self.at:
                os.write(self.last_words, f"{file}:{line}".encode())
                os.kill(os.getpid(), signal.SIGKILL)
