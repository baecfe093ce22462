"""Processes of ours: started so that they never outlive us, ended politely, then not."""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
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
    _prctl(PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """From now on what a child of ours leaves behind becomes our child, and not that of process 1."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


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
    found = _stat(pid)
    return found is not None and found[0] not in {"Z", "X"}


def wait_until_gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def wait_until(answers: Callable[[], bool], child: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the child's service answers in time; False when the child has ended or time is over."""
    deadline = time.monotonic() + seconds
    while child.poll() is None and time.monotonic() < deadline:
        if answers():
            return True
        time.sleep(0.03)
    return False


def ask_to_end(child: subprocess.Popen[bytes], number: int) -> None:
    if child.poll() is None:
        child.send_signal(number)


def await_end(child: subprocess.Popen[bytes], seconds: float) -> None:
    """Give a child so many seconds to end, then kill it; and in any case what it left of its group."""
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
    kill_group(child)
    child.wait()


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill what a child started and left behind; it leads a process group of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def ours() -> set[int]:
    """The ids of our children, adopted ones included, ended ones too until somebody has waited for them."""
    return {pid for pid in _all() if (found := _stat(pid)) and int(found[1]) == os.getpid()}


def _all() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _stat(pid: int) -> list[str] | None:
    """State, parent and what follows the name in proc(5)'s stat; None where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def bury(pid: int) -> None:
    """Take notice of the end of a child that nobody waits for; no matter where it has not ended yet."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def kill_remaining() -> None:
    """Kill every child we still have, adopted ones and theirs included."""
    while pids := ours():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
        for pid in pids:
            bury(pid)
