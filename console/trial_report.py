"""A trial's results as people read them: what matters in a sentence, then line by line, with its sagas."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sagas.definitions import Definition, Rule
from sagas.detection.rules import PREFIX
from sagas.models import Saga
from sagas.trials import Change, Flag, Listed, Results
from sagas.vocabulary import FAULTS, Code, Condition, Severity

# Sagas that are named, on all lines together.
MOST_NAMED = 1000


@dataclass(frozen=True, slots=True)
class Sagas:
    """How many, and the newest of them that are still there."""

    count: int
    rows: Sequence[Saga]

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


@dataclass(frozen=True, slots=True)
class FlagLine:
    """One thing that would be found, or would be no more. `word` has a look."""

    flag: Flag
    word: str
    new: Sagas
    known: Sagas
    gone: Sagas


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule of the definition: of how many sagas it would have been broken, of how many undecided."""

    rule: Rule
    broken: FlagLine
    undecided: FlagLine
    of: int  # sagas looked at

    def __str__(self) -> str:
        """ "This rule would have flagged 3 of the last 10,000 sagas." """
        undecided = self.undecided.flag.count
        told = flagging("This rule", self.broken.flag.count, self.of)
        return f"{told}, and could not be decided on {undecided:,}." if undecided else f"{told}."


@dataclass(frozen=True, slots=True)
class ChangeLine:
    change: Change
    sagas: Sagas


@dataclass(frozen=True, slots=True)
class Part:
    """A step, key or label of the definition, and in how many sagas it was found."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    found: Results
    tone: str
    verdict: str
    rules: Sequence[RuleLine]
    flags: Sequence[FlagLine]  # all others
    changes: Sequence[ChangeLine]
    steps: Sequence[Part]
    strangers: Sequence[tuple[str, Sagas]]
    keys: Sequence[Part]
    display: Sequence[Part]
    unread: Sagas

    @property
    def never_seen(self) -> list[str]:
        """Steps of the definition that no saga ran: perhaps they are spelt otherwise."""
        return self._none_of(self.steps)

    @property
    def never_found(self) -> list[str]:
        """Keys and labels that no payload has."""
        return self._none_of((*self.keys, *self.display))

    def _none_of(self, parts: Iterable[Part]) -> list[str]:
        return [part.name for part in parts if not part.count and self.found.looked_at]


def report(
    found: Results, draft: Definition, of: int, *, is_done: bool, most_named: int = MOST_NAMED
) -> Report:
    """What was found in the sagas looked at so far, of so many."""
    flags = sorted(found.flags.values(), key=_weight, reverse=True)
    changes = sorted(found.changes.values(), key=lambda change: -change.sagas.count)
    strangers = sorted(found.strangers.items(), key=lambda item: -item[1].count)
    listed = [listed for flag in flags for listed in (flag.new, flag.gone, flag.known)]
    listed += [found.unread, *(change.sagas for change in changes), *(each for _, each in strangers)]
    names = _Names(listed, most_named)
    rules = [
        RuleLine(
            rule,
            _line(found.of(Code.RULE_BROKEN, PREFIX + rule.name), names),
            _line(found.of(Code.RULE_UNDECIDED, PREFIX + rule.name), names),
            found.looked_at,
        )
        for rule in draft.rules
    ]
    told = {PREFIX + rule.name for rule in draft.rules}
    return Report(
        found=found,
        rules=rules,
        tone=_tone(found, is_done=is_done),
        verdict=verdict(found, draft.type, of),
        flags=[_line(flag, names) for flag in flags if flag.step not in told],
        changes=[ChangeLine(change, names.of(change.sagas)) for change in changes],
        steps=_parts((step.name for step in draft.steps), found.steps),
        strangers=[(name, names.of(each)) for name, each in strangers],
        keys=_parts(draft.keys, found.keys),
        display=_parts(draft.display, found.display),
        unread=names.of(found.unread),
    )


def verdict(found: Results, saga_type: str, of: int) -> str:
    """The whole of it in one or two sentences."""
    if not of:
        return (
            f"No saga of the type {saga_type} is recorded yet, so there was nothing to try it on. "
            "Its text is in order."
        )
    if not found.looked_at:
        return f"{of:,} recorded {'saga is' if of == 1 else 'sagas are'} to be looked at."
    told = flagging("It", found.flagged.count, found.looked_at)
    if found.newly.count:
        told += f", {found.newly.count:,} of them" if found.looked_at > 1 else ""
        told += " for something never found before"
    told += "."
    if found.freed.count:
        some = "One saga was" if found.freed.count == 1 else f"{found.freed.count:,} sagas were"
        told += f" {some} flagged for something that would not have been found."
    return told


def flagging(who: str, count: int, of: int) -> str:
    """ "This rule would have flagged 3 of the last 10,000 sagas", without a full stop."""
    if of == 1:
        return f"{who} would {'' if count else 'not '}have flagged the one saga looked at"
    return f"{who} would have flagged {f'{count:,}' if count else 'none'} of the last {of:,} sagas"


def _tone(found: Results, *, is_done: bool) -> str:
    if not found.looked_at or not is_done:
        return "info"
    return "warn" if found.newly.count or found.freed.count or found.unread.count else "ok"


def _line(flag: Flag, names: "_Names") -> FlagLine:
    return FlagLine(flag, _word(flag), names.of(flag.new), names.of(flag.known), names.of(flag.gone))


def _weight(flag: Flag) -> tuple[int, int, int]:
    return flag.new.count, FAULTS[flag.code].severity.rank, flag.count + flag.gone.count


def _word(flag: Flag) -> str:
    """What the saga would be shown as; what is about the data changes no saga's condition."""
    condition = FAULTS[flag.code].condition
    return Severity.NOTE.value if condition == Condition.HEALTHY else condition.value


def _parts(names: Iterable[str], counts: dict[str, int]) -> list[Part]:
    return [Part(name, counts.get(name, 0)) for name in names]


class _Names:
    """The sagas that are named, read in one query; the first lists have the first pick of them."""

    def __init__(self, listed: Iterable[Listed], most: int) -> None:
        wanted: dict[int, None] = {}
        for each in listed:
            wanted |= dict.fromkeys(each.sagas[: max(most - len(wanted), 0)])
        rows = Saga.objects.only("saga_type", "saga_id")
        self._rows = rows.in_bulk(list(wanted)) if wanted else {}

    def of(self, listed: Listed) -> Sagas:
        return Sagas(listed.count, [self._rows[pk] for pk in listed.sagas if pk in self._rows])
