"""One message by Apprise, in a process of its own; run as a script, with a `Job` on its input.

So Apprise is loaded only where somebody uses it, its services cannot hang longer than the process may live,
and what it logs of one message is not mixed with another's.
"""

import json
import logging
import sys
from typing import TypedDict

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType, OverflowMode, PersistentStoreMode

# Services that act on this machine, not on another.
LOCAL = frozenset({"dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})


class Job(TypedDict):
    """`kind`: a NotifyType. Without a title nothing is sent: only the address is looked at."""

    address: str
    title: str
    body: str
    kind: str


class Result(TypedDict):
    """`complaint`: what is wrong with the address; `log`: what Apprise said of why it could not send."""

    complaint: str
    is_sent: bool
    log: list[str]


class Kept(logging.Handler):
    """Keeps warnings and errors."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def run(job: Job) -> Result:
    kept = Kept()
    logging.getLogger("apprise").addHandler(kept)
    asset = AppriseAsset(
        app_id="Amends",
        app_desc="Amends",
        app_url="",
        async_mode=False,
        http_redirects=False,
        interpret_emojis=False,
        interpret_escapes=False,
        storage_mode=PersistentStoreMode.MEMORY,
    )
    if job["address"].partition("://")[0].casefold() in LOCAL:
        return Result(complaint="It acts on Amends' own machine.", is_sent=False, log=[])
    service = Apprise.instantiate(job["address"], asset=asset)
    if service is None:
        return Result(complaint="Apprise does not understand the address.", is_sent=False, log=[])
    if not job["title"]:
        return Result(complaint="", is_sent=False, log=[])
    # Rather the beginning than nothing.
    service.overflow_mode = OverflowMode.TRUNCATE
    app = Apprise(asset=asset)
    app.add(service)
    is_sent = app.notify(
        body=job["body"],
        title=job["title"],
        notify_type=NotifyType(job["kind"]),
        body_format=NotifyFormat.TEXT,
    )
    return Result(complaint="", is_sent=bool(is_sent), log=kept.lines)


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
