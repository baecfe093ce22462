import re
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sagas import audit

# Entries between two lines of progress: a second or two.
STRIDE = 100_000


def anchor(text: str) -> tuple[int, str]:
    """Raises ArgumentTypeError where this is no number, colon and SHA-256 in hex."""
    found = re.fullmatch("([0-9]{1,18}):([0-9a-fA-F]{64})", text.strip())
    if not found:
        raise ArgumentTypeError(f"{text!r} is no anchor: it is written as 1204:5f0c…, with all 64 digits")
    return int(found[1]), found[2].lower()


class Command(BaseCommand):
    help = "Follow the audit log's hash chain; exit code 1 where an entry was changed or is missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--anchor",
            type=anchor,
            action="append",
            default=[],
            metavar="SEQUENCE:HASH",
            help="an anchor that was kept elsewhere: the hash that this entry must have; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        match audit.verify(self.tell, known=options["anchor"]):
            case audit.Broken(sequence, what):
                raise CommandError(f"Audit log broken at entry {sequence}: {what}.")
            case audit.Verified(entries, head):
                self.stdout.write(f"Audit log whole: {entries} entries, head {head}.")

    def tell(self, done: int, total: int) -> None:
        if done % STRIDE == 0:
            self.stderr.write(f"{done} of {total} entries hold.")
