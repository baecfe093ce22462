"""Which paths in the payloads look like business keys, and which are worth showing (pure).

Only paths are told, no values. What is found is a suggestion: to be found by and to be seen is for a person
to allow.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sagas.definitions import paths

# A payload is read so far; what lies deeper or comes later is no key.
DEEPEST = 4
MOST_PATHS = 100
LONGEST_VALUE = 100
# What is said of fewer sagas would be chance.
FEWEST_SAGAS = 5
# The share of sagas that have a value there, and the share of them in which it is always the same one.
USUAL = 0.9
MOST_KEYS = 5
MOST_SHOWN = 4

WORD = re.compile(r"[^.\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,60}")
IDENTIFIES = re.compile(
    r"(?:^|[_\-])(?:id|key|ref|reference|number|no|uuid)$|[a-z](?:Id|ID|Key|Ref|Number|No)$"
)
SUFFIX = re.compile(r"[_\-]?(?:id|ID|Id|key|Key|ref|Ref|reference|number|Number|no|No|uuid)$")
# A moment or a fraction tells two sagas apart, too, and nobody searches by it.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:")
CURRENCY = "currency"

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`paths`: one, or an amount and its currency. `sagas` of the looked at had it; `distinct` values."""

    label: str
    paths: tuple[str, ...]
    sagas: int
    distinct: int


@dataclass(frozen=True, slots=True)
class Suggestions:
    looked_at: int = 0
    keys: tuple[Suggestion, ...] = ()
    display: tuple[Suggestion, ...] = ()


@dataclass(slots=True)
class _Found:
    """What stands at one path, by saga."""

    values: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    events: int = 0
    is_fraction: bool = False
    is_moment: bool = False


def suggest(payloads: Mapping[int, Sequence[Any]]) -> Suggestions:
    """`payloads`: per saga those of its events, as `sagas.definitions.paths.decode` gives them."""
    found: dict[Path, _Found] = defaultdict(_Found)
    for saga, several in payloads.items():
        for payload in several:
            for path, value in _single_values(payload):
                text = paths.text(value)
                if text is None or len(text) > LONGEST_VALUE:
                    continue
                at = found[path]
                at.values[saga].add(text)
                at.events += 1
                at.is_moment = at.is_moment or bool(MOMENT.match(text))
                at.is_fraction = at.is_fraction or _is_fraction(text)
    sagas = len(payloads)
    if sagas < FEWEST_SAGAS:
        return Suggestions(sagas)
    usable = {path: at for path, at in found.items() if _is_steady(at, sagas)}
    keys = [path for path, at in usable.items() if _is_key(path, at)]
    # What stands in more events is known from further on, and more of it is the saga's own.
    keys.sort(key=lambda path: (-usable[path].events, len(path), path))
    shown = [path for path in usable if path not in keys and _is_worth_showing(path, usable)]
    shown.sort(key=lambda path: (-usable[path].events, len(path), path))
    taken: set[str] = set()
    return Suggestions(
        sagas,
        tuple(_suggestion(path, (path,), usable, taken, SUFFIX) for path in keys[:MOST_KEYS]),
        tuple(_suggestion(path, _with_currency(path, usable), usable, taken) for path in shown[:MOST_SHOWN]),
    )


def _single_values(payload: Any) -> Iterator[tuple[Path, Any]]:
    """Texts, numbers and truths with their paths, the nearest to the top first; lists are not looked into."""
    count = 0
    level: list[tuple[Path, Any]] = [((), payload)]
    for _ in range(DEEPEST):
        below: list[tuple[Path, Any]] = []
        for path, value in level:
            for name, inner in value.items() if isinstance(value, dict) else ():
                if not WORD.fullmatch(name):
                    continue
                count += 1
                if count > MOST_PATHS:
                    return
                if isinstance(inner, dict):
                    below.append(((*path, name), inner))
                elif not isinstance(inner, list):
                    yield (*path, name), inner
        level = below


def _is_fraction(text: str) -> bool:
    whole, point, rest = text.partition(".")
    return bool(point) and whole.lstrip("-").isdigit() and rest.isdigit()


def _is_steady(at: _Found, sagas: int) -> bool:
    """Whether most sagas have it, and nearly all of those only one value."""
    steady = sum(len(values) == 1 for values in at.values.values())
    return len(at.values) >= USUAL * sagas and steady >= USUAL * len(at.values)


def _distinct(at: _Found) -> int:
    return len({value for values in at.values.values() for value in values})


def _is_key(path: Path, at: _Found) -> bool:
    return not at.is_moment and not at.is_fraction and _distinct(at) > 1 and bool(IDENTIFIES.search(path[-1]))


def _is_worth_showing(path: Path, usable: Mapping[Path, _Found]) -> bool:
    at = usable[path]
    if path[-1] == CURRENCY or at.is_moment or _distinct(at) < 2 or IDENTIFIES.search(path[-1]):
        return False
    # What stands in one event only is that step's own matter.
    return at.events > len(at.values) or (*path[:-1], CURRENCY) in usable


def _with_currency(path: Path, usable: Mapping[Path, _Found]) -> tuple[Path, ...]:
    currency = (*path[:-1], CURRENCY)
    return (path, currency) if usable[path].is_fraction and currency in usable else (path,)


def _suggestion(
    path: Path,
    several: tuple[Path, ...],
    usable: Mapping[Path, _Found],
    taken: set[str],
    suffix: re.Pattern[str] | None = None,
) -> Suggestion:
    word = path[-1]
    short = suffix.sub("", word) if suffix else word
    # `customer.id` is the customer, `total.amount` the total.
    candidates = [
        short or path[-2] if len(path) > 1 or short else word,
        " ".join(path),
        f"value {len(taken)}",
    ]
    if len(several) > 1 and len(path) > 1:
        candidates.insert(0, path[-2])
    label = next(text for text in candidates if text and len(text) <= 100 and text not in taken)
    taken.add(label)
    return Suggestion(
        label, tuple(".".join(each) for each in several), len(usable[path].values), _distinct(usable[path])
    )
