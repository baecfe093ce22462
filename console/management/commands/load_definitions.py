from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from console import actors, wording
from sagas import definitions, foreign_types, ingest
from sagas.definitions import DefinitionError, Loaded
from sagas.foreign_types import Waiting

# Seconds that one definition may take to reach its sagas before the rest is left to the workers.
PATIENCE = 10.0


class Command(BaseCommand):
    help = "Load definitions from YAML files, or from all .yaml and .yml files below a folder: all or none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", type=Path)

    def handle(self, *, paths: list[Path], **options: object) -> None:
        files = [file for path in paths for file in _files(path)]
        by = actors.of_command("load_definitions")
        loaded: list[Loaded] = []
        errors: list[str] = []
        with transaction.atomic():
            for file in files:
                try:
                    loaded.append(definitions.load(read(file), str(file), by))
                except DefinitionError as error:
                    errors.append(str(error))
            if errors:
                transaction.set_rollback(True)
        if errors:
            raise CommandError("Nothing was loaded.\n" + "\n".join(errors))
        for one in loaded:
            # Also for those loaded before: they may be under way still.
            is_done = not one.row.adoption.is_running
            adoption = ingest.adopt(one.row, patience=PATIENCE)
            told = "" if is_done else wording.adopted(adoption)
            self.stdout.write(f"{one.row}: {'loaded' if one.is_new else 'unchanged'}{told}")
            waiting = foreign_types.waiting_for(one.row)
            if waiting.types:
                self.stdout.write(_offer(waiting))


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        found = sorted(
            file for file in path.rglob("*") if file.suffix in {".yaml", ".yml"} and file.is_file()
        )
        if not found:
            raise CommandError(f"{path}: there is no .yaml or .yml file below this folder")
        yield from found
    elif path.is_file():
        yield path
    else:
        raise CommandError(f"{path}: there is no such file or folder")


def read(file: Path) -> str:
    """The file's text; raises `CommandError` where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CommandError(f"{file}: is not UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None


def _offer(waiting: Waiting) -> str:
    """Nothing is replayed by itself: what it would mean is a person's to judge."""
    are = "event in quarantine is" if waiting.events == 1 else "events in quarantine are"
    return f"  {waiting.events:,} {are} of types that it maps; replay them at {settings.BASE_URL}/quarantine/"
