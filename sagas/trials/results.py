"""What a trial found, counted and listed to a limit: it stays small, however many sagas were looked at."""

from collections.abc import Iterable

from msgspec import Struct, field

from sagas.vocabulary import Code

# Sagas listed of one kind; the others are only counted.
MOST_LISTED = 100
# Lines of one kind, such as steps that the definition does not know; beyond it they are only counted.
MOST_LINES = 200


class Listed(Struct):
    """How many sagas, and the newest of them by their keys in the database."""

    count: int = 0
    sagas: list[int] = []

    def add(self, saga: int) -> None:
        self.count += 1
        if len(self.sagas) < MOST_LISTED:
            self.sagas.append(saga)


class Flag(Struct):
    """One code for one step or rule ("": the saga as a whole). A saga is in one of the three lists."""

    code: Code
    step: str
    title: str  # in words, as of the first saga
    new: Listed = field(default_factory=Listed)  # would have been found, and never was
    known: Listed = field(default_factory=Listed)  # would have been found, and was
    gone: Listed = field(default_factory=Listed)  # was found, and would not have been
    still: int = 0  # of new and known: it holds now

    @property
    def count(self) -> int:
        return self.new.count + self.known.count


class Change(Struct):
    """Sagas that would count as something else than they do."""

    before: str
    after: str
    sagas: Listed


class Results(Struct):
    """Of all sagas looked at. Keys of `flags` and `changes` only find a line again."""

    looked_at: int = 0
    events: int = 0
    takers: int = 0  # sagas that take the definition up when it is activated
    flagged: Listed = field(default_factory=Listed)
    newly: Listed = field(default_factory=Listed)  # sagas with anything that was never found
    freed: Listed = field(
        default_factory=Listed
    )  # sagas with anything that was found, and would not have been
    flags: dict[str, Flag] = {}
    changes: dict[str, Change] = {}
    steps: dict[str, int] = {}  # of the definition: in how many sagas each was heard of
    strangers: dict[str, Listed] = {}  # steps that the definition does not know
    keys: dict[str, int] = {}  # in how many sagas the definition's keys were found
    display: dict[str, int] = {}
    unread: Listed = field(
        default_factory=Listed
    )  # sagas that could not be judged, which is a mistake of ours
    left_out: int = 0  # how often a line was not begun, as there were too many

    def flag(self, code: Code, step: str, title: str) -> Flag | None:
        """The line of this code and step; None where there are too many."""
        key = f"{code} {step}"
        if key not in self.flags and self._has_room(self.flags):
            self.flags[key] = Flag(code, step, title)
        return self.flags.get(key)

    def of(self, code: Code, step: str) -> Flag:
        """Likewise, for reading: an empty line where nothing was found."""
        return self.flags.get(f"{code} {step}") or Flag(code, step, "")

    def change(self, before: str, after: str) -> Change:
        key = f"{before} {after}"
        return self.changes.setdefault(key, Change(before, after, Listed()))

    def meet(self, stranger: str, saga: int) -> None:
        """Note that the definition does not know this step."""
        if stranger in self.strangers or self._has_room(self.strangers):
            self.strangers.setdefault(stranger, Listed()).add(saga)

    def _has_room(self, lines: Iterable[str]) -> bool:
        has_room = len(list(lines)) < MOST_LINES
        self.left_out += not has_room
        return has_room


def count(tally: dict[str, int], names: Iterable[str]) -> None:
    """Add one to each of these names."""
    for name in names:
        tally[name] = tally.get(name, 0) + 1
