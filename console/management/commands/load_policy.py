from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from compensation import default_policy
from console import actors
from console.management.commands.load_definitions import read
from sagas.definitions import DefinitionError


class Command(BaseCommand):
    help = (
        "Load from a YAML file who must agree to repairs where a definition does not say; the newest counts."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *, file: Path, **options: object) -> None:
        if not file.is_file():
            raise CommandError(f"{file}: there is no such file")
        try:
            loaded = default_policy.load(read(file), str(file), actors.of_command("load_policy"))
        except DefinitionError as error:
            raise CommandError(f"Nothing was loaded.\n{error}") from None
        self.stdout.write(f"{loaded.row}: {'in force from now on' if loaded.is_new else 'in force already'}")
