import os
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from console import actors
from console.management.commands.load_definitions import read
from sagas.alerts import files
from sagas.alerts.files import FileError


class Command(BaseCommand):
    help = "Load channels, routes and silences of alerts from a YAML file: all of it or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *, file: Path, **options: object) -> None:
        if not file.is_file():
            raise CommandError(f"{file}: there is no such file")
        by = actors.of_command("load_alerts")
        try:
            loaded = files.load(read(file), str(file), os.environ, by, timezone.now())
        except FileError as error:
            raise CommandError(f"Nothing was loaded.\n{error}") from None
        routes = "routes left as they are" if loaded.routes is None else f"{len(loaded.routes)} routes"
        self.stdout.write(
            f"{file}: {len(loaded.channels)} channels, {routes}, {len(loaded.silences)} silences"
        )
