"""Taking a DATA folder for one run: it is ours, it has room, and nobody else runs on it."""

import fcntl
import os
import shutil
from pathlib import Path
from typing import IO

from console.stack import environment_file, folders
from console.stack.choices import Choices
from console.stack.errors import StackError

LEAST_FREE = 200 * 1024 * 1024  # bytes: an empty database with its journal, and room for it to work


def take(choices: Choices) -> IO[str]:
    """Make the folder where needed and lock it; the lock lasts until the file returned is closed or we die.

    Raises `StackError` where the folder cannot be had.
    """
    data = choices.data
    try:
        # As root the database runs as another account, which must be able to pass through.
        folders.make_private(data, mode=0o711 if os.geteuid() == 0 else 0o700)
    except (NotADirectoryError, PermissionError) as error:
        raise StackError(
            f"{data} cannot be made ({error.strerror}): give another folder with DATA="
        ) from None
    if not data.is_dir():
        raise StackError(f"{data} is not a folder: give another with DATA=")
    _check_owner(data)
    _check_room(data)
    lock = _open_lock(data)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = lock.read().strip() or "another process"
        lock.close()
        raise StackError(
            f"it is already running on {data} ({holder}): stop that one, or give another folder with DATA="
        ) from None
    lock.seek(0)
    lock.truncate()
    lock.write(f"process {os.getpid()}, {choices.url}\n")
    lock.flush()
    folders.make_private(choices.logs)
    return lock


def _check_owner(data: Path) -> None:
    written = data / environment_file.NAME
    if not os.access(data, os.W_OK | os.X_OK) or (written.exists() and written.stat().st_uid != os.geteuid()):
        raise StackError(
            f"{data} belongs to another user: run as that user, or give another folder with DATA="
        )


def _check_room(data: Path) -> None:
    # The database may be kept on another disk (postgres.py).
    for folder in (data, data / "postgres"):
        free = shutil.disk_usage(folder).free if folder.exists() else LEAST_FREE
        if free < LEAST_FREE:
            needed = f"{free // 2**20} MB are free, {LEAST_FREE // 2**20} MB are needed"
            raise StackError(f"the disk is full: at {folder.resolve()} {needed}")


def _open_lock(data: Path) -> IO[str]:
    return os.fdopen(os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+")
