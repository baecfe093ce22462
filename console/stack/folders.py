"""Folders that hold what is private: made by us, closed to others, checked before they are trusted."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from console.stack.children import Account
from console.stack.errors import StackError

LONGEST_SOCKET_PATH = 107  # bytes: sun_path of unix(7) holds 108 with its final zero


def make_private(folder: Path, owner: Account | None = None, mode: int = 0o700) -> Path:
    """Make a folder where there is none. One that exists is left as it is."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(mode)
        if owner:
            os.chown(folder, owner.uid, owner.gid)
    return folder


def make_for_socket(wanted: Path, socket_name: str, owner: Account | None = None) -> Path:
    """A private folder for a Unix socket: `wanted`, or where that is too long one in the temporary folder.

    Raises `StackError` where somebody else has put something in its place.
    """
    if len(os.fsencode(wanted / socket_name)) <= LONGEST_SOCKET_PATH:
        return make_private(wanted, owner)
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"amends-{digest}"
    make_private(short, owner)
    found = short.lstat()
    owned = found.st_uid == (owner.uid if owner else os.geteuid())
    if not stat.S_ISDIR(found.st_mode) or not owned or stat.S_IMODE(found.st_mode) != 0o700:
        raise StackError(f"{short} is not ours: remove it, or choose a DATA folder with a shorter path")
    return short
