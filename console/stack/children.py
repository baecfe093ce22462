"""Processes of ours: started so that they never outlive us, ended politely, then not."""

import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Account:
    """A system account that a child runs as."""

    uid: int
    gid: int


def nobody() -> Account:
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def set_parent_death_signal(number: int) -> None:
    """Have the kernel send us this signal when the thread that started us is gone, however it went."""
    if libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def _tie_to(parent: int, number: int) -> Callable[[], None]:
    def tie() -> None:
        # Runs in the child after it changed its account, which would have cleared the signal.
        set_parent_death_signal(number)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    account: Account | None = None,
    folder: Path | None = None,
    keep: Sequence[int] = (),
    orphan_signal: int = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that a terminal's Ctrl-C reaches only us.

    Its output is appended to `log`; the file descriptors in `keep` stay open in it; it gets `orphan_signal`
    when we die. Call from the main thread: the kernel watches the thread, not the process.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            pass_fds=keep,
            start_new_session=True,
            preexec_fn=_tie_to(os.getpid(), orphan_signal),
        )


def is_alive(pid: int) -> bool:
    """Whether a process of this id exists and has not ended (a zombie has)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


def wait_until_gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def end(child: subprocess.Popen[bytes], number: int, seconds: float) -> None:
    """Ask a child to stop; after so many seconds kill what is left of its process group."""
    if child.poll() is None:
        child.send_signal(number)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
    kill_group(child)
    child.wait()


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill what a child started and left behind; it leads a process group of its own."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
