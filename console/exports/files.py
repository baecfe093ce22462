"""The files of exports, below DATA/exports: readable by nobody else, and gone after a day."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from console.models import AuditExport

# How long an export and its file are kept.
KEPT = timedelta(days=1)
# Bytes that are sent at a time.
PIECE = 256 * 1024


class NoFileError(Exception):
    """The file is not on this machine; says what to do."""


def folder() -> Path:
    return Path(settings.DATA) / "exports"


def finished(export: AuditExport) -> Path:
    return folder() / export.file_name


def unfinished(export: AuditExport) -> Path:
    return folder() / f"{export.file_name}.part"


def append(export: AuditExport, lines: bytes) -> bool:
    """Write the lines behind the `size` bytes that hold; False where those are no longer there."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(unfinished(export), os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as file:
        if file.seek(0, os.SEEK_END) < export.size:
            return False
        # What is behind was written by a worker that died before it could say so.
        file.truncate(export.size)
        file.seek(export.size)
        file.write(lines)
    return True


def finish(export: AuditExport) -> str:
    """Put the whole file where it is read from, to stay through a loss of power; its SHA-256 in hex."""
    with unfinished(export).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    unfinished(export).replace(finished(export))
    return digest


def read(export: AuditExport) -> AsyncIterator[bytes]:
    """The file in pieces, each read in a thread of its own. Raises `NoFileError`."""
    try:
        file = finished(export).open("rb")
    except FileNotFoundError:
        raise NoFileError(
            f"The file of {export} is not on this machine. Ask for a new export; where web and worker run on"
            " different machines, let them share DATA/exports (docs/deploy.md)."
        ) from None

    async def pieces() -> AsyncIterator[bytes]:
        with file:
            while piece := await asyncio.to_thread(file.read, PIECE):
                yield piece

    return pieces()


def remove(export: AuditExport) -> None:
    unfinished(export).unlink(missing_ok=True)
    finished(export).unlink(missing_ok=True)


def remove_old(now: datetime) -> None:
    """Whatever nobody has written to for so long, of whatever export."""
    if not folder().is_dir():
        return
    for path in folder().iterdir():
        if path.stat().st_mtime < (now - KEPT).timestamp():
            path.unlink(missing_ok=True)
