from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sagas import audit


class Command(BaseCommand):
    help = "Follow the audit log's hash chain; exit code 1 where an entry was changed or is missing."

    def handle(self, *args: Any, **options: Any) -> None:
        match audit.verify():
            case audit.Broken(sequence, what):
                raise CommandError(f"Audit log broken at entry {sequence}: {what}.")
            case audit.Verified(entries, head):
                self.stdout.write(f"Audit log whole: {entries} entries, head {head}.")
