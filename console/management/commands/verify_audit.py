from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sagas import audit

# Entries between two lines of progress: a second or two.
STRIDE = 100_000


class Command(BaseCommand):
    help = "Follow the audit log's hash chain; exit code 1 where an entry was changed or is missing."

    def handle(self, *args: Any, **options: Any) -> None:
        match audit.verify(self.tell):
            case audit.Broken(sequence, what):
                raise CommandError(f"Audit log broken at entry {sequence}: {what}.")
            case audit.Verified(entries, head):
                self.stdout.write(f"Audit log whole: {entries} entries, head {head}.")

    def tell(self, done: int, total: int) -> None:
        if done % STRIDE == 0:
            self.stderr.write(f"{done} of {total} entries hold.")
