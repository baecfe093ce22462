"""`make bench`: how fast events are taken, beside what PostgreSQL itself can do and what a naive view does.

Everything runs in one go on one machine: rounds of all measures in turn, so that a slow minute slows all of
them, and the median of each. DATABASE_URL names the server; without it a private one is started, with its
usual, durable settings.

`make bench ARGS=repairs` measures only repairs of many sagas; `ARGS=audit` the audit log instead, at a
million entries (or ENTRIES).
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from console.stack import children, postgres


@contextmanager
def database(folder: Path) -> Iterator[str]:
    if os.environ.get("DATABASE_URL"):
        yield os.environ["DATABASE_URL"]
        return
    folder.chmod(0o711)
    server = postgres.prepare(folder / "postgres")
    child = postgres.start(server, folder / "postgres.log")
    try:
        if not children.wait_until(lambda: postgres.answers(server), child, 30):
            raise SystemExit("PostgreSQL did not start.")
        postgres.create_database(server)
        yield server.url()
    finally:
        children.ask_to_end(child, postgres.STOP_SIGNAL)
        children.await_end(child, 10)
        postgres.remove(folder / "postgres")


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="amends-bench-"))
    try:
        with database(folder) as url:
            os.environ |= {
                "DATABASE_URL": url,
                "DATA": str(folder / "data"),
                "SECRET_KEY": "only-for-the-benchmark-" * 3,
                "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
                "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
            }
            # Settings are read on import, so that this has to come after.
            if sys.argv[1:] == ["audit"]:
                from tests.bench import audit

                audit.run()
                return
            from tests.bench import measures, repairs

            if "repairs" not in sys.argv:
                measures.run(folder)
            repairs.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
