"""Makes `.venv` and installs a lock into it: `python3 -I console/stack/install.py requirements.lock`.

Runs before anything is installed, on whatever Python there is, so it uses the standard library alone.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit("Amends needs Python 3.11 or newer, and %s is %s" % (sys.executable, sys.version.split()[0]))  # noqa: UP031

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# Each lock holds those before it, and needs so many bytes on the disk.
LOCKS = {"requirements.lock": 400 * 2**20, "requirements-dev.lock": 800 * 2**20}


class InstallError(Exception):
    """Why Amends cannot be installed, in one line."""


def install(lock: str) -> None:
    """Bring `.venv` to this lock; nothing is done where it was installed before and has not changed."""
    if _is_installed(lock):
        return
    turn = os.open(ROOT, os.O_RDONLY)
    try:
        # Of two at once the second waits here, and then finds it done.
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not _is_installed(lock):
            _install_now(lock)
    finally:
        os.close(turn)


def _install_now(lock: str) -> None:
    free = shutil.disk_usage(ROOT).free
    if free < LOCKS[lock]:
        raise InstallError(
            f"the disk is full: {free // 2**20} MB are free, {LOCKS[lock] // 2**20} MB are needed"
        )
    print(f"Installing {lock} into {VENV} …", flush=True)
    if not _is_usable():
        # Without pip, because Debian ships what `venv` needs for it in a package of its own.
        _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)], "make .venv")
    options = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-input", "--quiet"]
    options += ["--disable-pip-version-check", "--no-warn-script-location"]
    _run([*_pip(), "install", *options, "-r", str(ROOT / lock)], f"install {lock}")
    for name in list(LOCKS)[: list(LOCKS).index(lock) + 1]:
        _stamp(name).write_text(_digest(name))


def _pip() -> Sequence[str]:
    """This Python's own pip, working on `.venv`; where it is missing or too old for that, one in `.venv`."""
    ours = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if subprocess.run([*ours, "--version"], capture_output=True, check=False).returncode == 0:  # noqa: S603
        return ours
    _run([str(PYTHON), "-m", "ensurepip"], "find pip (install python3-pip)")
    return [str(PYTHON), "-m", "pip"]


def _is_installed(lock: str) -> bool:
    try:
        return PYTHON.exists() and _stamp(lock).read_text() == _digest(lock)
    except FileNotFoundError:
        return False


def _is_usable() -> bool:
    """Whether `.venv` was made here, for this Python's version, and was not broken by an upgrade of it."""
    # A clone that has moved has programs in .venv/bin that name their old place.
    if not PYTHON.exists() or f" {VENV}\n" not in (VENV / "pyvenv.cfg").read_text():
        return False
    show = [str(PYTHON), "-c", "import sys; print(*sys.version_info[:2])"]
    done = subprocess.run(show, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.split() == [str(part) for part in sys.version_info[:2]]


def _stamp(lock: str) -> Path:
    return VENV / f"{lock}.installed"


def _digest(lock: str) -> str:
    return hashlib.sha256(
        repr((sys.version_info[:2], str(VENV))).encode() + (ROOT / lock).read_bytes()
    ).hexdigest()


def _run(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        errors = [line for line in said if line.startswith("ERROR")] or said
        raise InstallError(f"could not {what}: {errors[-1]}")


if __name__ == "__main__":
    try:
        install(sys.argv[1])
    except (InstallError, PermissionError) as error:
        sys.exit(f"Amends cannot be installed: {error}")
    except KeyboardInterrupt:
        sys.exit("Amends was not installed.")
