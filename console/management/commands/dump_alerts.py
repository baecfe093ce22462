from django.core.management.base import BaseCommand
from django.utils import timezone

from sagas.alerts import files


class Command(BaseCommand):
    help = "Write channels, routes and silences of alerts as YAML, as load_alerts takes it; without secrets."

    def handle(self, **options: object) -> None:
        self.stdout.write(files.dump(timezone.now()), ending="")
