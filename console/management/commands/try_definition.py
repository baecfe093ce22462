from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from console import trial_report
from console.management.commands.load_definitions import read
from console.trial_report import FlagLine, Report, Sagas
from sagas import definitions, trials
from sagas.definitions import DefinitionError

# Sagas named of one line, unless it is told otherwise.
NAMED = 5


class Command(BaseCommand):
    help = (
        "Check a definition, and tell what it would have found in the newest recorded sagas. Loads nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--sagas", type=int, default=NAMED, help="sagas to name of each line")

    def handle(self, *, file: Path, sagas: int, verbosity: int, **options: object) -> None:
        try:
            definition = definitions.parse(read(file), str(file))
        except DefinitionError as error:
            raise CommandError(str(error)) from None

        def tell(looked_at: int, of: int) -> None:
            if verbosity > 1:
                self.stderr.write(f"{looked_at:,} of {of:,} sagas looked at")

        found = trials.try_here(definition, timezone.now(), tell)
        report = trial_report.report(found, definition, found.looked_at, is_done=True)
        self.stdout.write(f"{definition.type} v{definition.version}: {report.verdict}")
        for line in _lines(report, max(sagas, 0)):
            self.stdout.write(line)


def _lines(report: Report, most: int) -> Iterator[str]:
    for each in report.rules:
        yield f"\n{each.rule.title} (rule {each.rule.name}): {each}"
        yield from _flagged(each.broken, most, "broken, ")
        yield from _flagged(each.undecided, most, "undecided, ")
    for line in report.flags:
        flag = line.flag
        counted = f"{flag.count:,} of {report.found.looked_at:,}, {flag.still:,} of them still so"
        yield f"\n{flag.title} ({f'{flag.code} {flag.step}'.strip()}): would be found in {counted}"
        yield from _flagged(line, most)
    if report.changes:
        yield "\nSagas that would count as something else:"
        for changed in report.changes:
            yield from _named(f"{changed.change.before} → {changed.change.after}", changed.sagas, most)
    if report.strangers:
        yield "\nSteps that the definition does not know:"
        for name, sagas in report.strangers:
            yield from _named(_plain(name), sagas, most)
    if report.found.looked_at:
        for said, names in (
            ("No saga ran", report.never_seen),
            ("No payload has", report.never_found),
        ):
            if names:
                yield f"\n{said}: {', '.join(names)}"
    if report.unread.count:
        yield "\nSagas that could not be judged, which is a mistake of Amends:"
        yield from _named("see the log", report.unread, most)


def _flagged(line: FlagLine, most: int, what: str = "") -> Iterator[str]:
    yield from _named(f"{what}never found before", line.new, most)
    yield from _named(f"{what}found before, too", line.known, most)
    yield from _named(f"{what}found before, and no longer", line.gone, most)


def _named(said: str, sagas: Sagas, most: int) -> Iterator[str]:
    if not sagas.count:
        return
    named = ", ".join(_plain(saga.saga_id) for saga in sagas.rows[:most])
    more = sagas.count - min(len(sagas.rows), most)
    rest = f" and {more:,} more" if more and named else ""
    yield f"  {sagas.count:,} {said}{': ' if named else ''}{named}{rest}"


def _plain(name: str) -> str:
    """Names come from other services, and a terminal obeys some characters."""
    return name if name.isprintable() else ascii(name)
