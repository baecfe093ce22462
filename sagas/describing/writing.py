"""The YAML: what was seen as fields, what nobody can see as comments for a person to decide.

Names come from other services. Every text that is more than a plain word is written by PyYAML's emitter in
double quotes, in fields and in comments alike, so that none of them can be anything but that text.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import yaml

from sagas.definitions.reading import MOST_CHARACTERS
from sagas.describing.observing import LONGEST_NAME, Seen, SeenStep, Times
from sagas.describing.payloads import Suggestion, Suggestions
from sagas.durations import exactly
from sagas.facts import moment
from sagas.vocabulary import Status, StepKind

# Runs that a deadline is taken from, at least; and how many times what 99 of 100 take it is.
FEWEST = 100
FACTOR = 3
# Deadlines that people would choose; seconds. None is shorter: nobody could do anything about it sooner.
GENEROUS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200]
DAY = 86400
UNITS = [(DAY, "d"), (3600, "h"), (60, "m"), (1, "s")]
LONGEST_DAYS = 3650

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[-./][A-Za-z0-9_]+)*")
# Plain words that some reader of YAML takes for something else.
MEANT = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
# Told in comments: names that were left out, and others that told of a step.
MOST_TOLD = 10
MOST_OTHERS = 3

STATUSES = {
    Status.COMPLETED: "completed",
    Status.COMPENSATED: "compensated",
    Status.FAILED: "failed",
    Status.SUSPENDED: "suspended",
    Status.COMPENSATING: "going back",
    Status.RUNNING: "running",
}


def write(seen: Seen, suggestions: Suggestions, version: str) -> str:
    """Loads through `sagas.definitions.parse`, whatever the names are; of too many steps the commonest."""
    text = "\n".join(_lines(seen, suggestions, version)) + "\n"
    while len(text) > MOST_CHARACTERS and seen.steps:
        seen = _shorter(seen)
        text = "\n".join(_lines(seen, suggestions, version)) + "\n"
    return text


def _shorter(seen: Seen) -> Seen:
    """Half of the steps: those seen most often, and what they wait for of one another."""
    often = sorted(seen.steps, key=lambda step: (-step.sagas, step.name))[: len(seen.steps) // 2]
    kept = {step.name for step in often}
    return replace(
        seen,
        steps=tuple(
            replace(step, after=tuple(name for name in step.after if name in kept))
            for step in seen.steps
            if step.name in kept
        ),
        left_out=(*(step.name for step in seen.steps if step.name not in kept), *seen.left_out),
    )


def quoted(text: str) -> str:
    """A text as YAML: as it is where it is a plain word, else in double quotes on one line."""
    if PLAIN.fullmatch(text) and text.lower() not in MEANT:
        return text
    # Signs that nobody sees, and those that turn the line around, are told by their numbers.
    is_plain_to_see = all(
        unicodedata.category(letter) not in {"Cf", "Co", "Cn", "Zl", "Zp"} for letter in text
    )
    node = yaml.ScalarNode("tag:yaml.org,2002:str", text, style='"')
    written: str = yaml.serialize(node, width=float("inf"), allow_unicode=is_plain_to_see)
    return written.strip()


def deadline(times: Times) -> float | None:
    """Three times what 99 of 100 took, rounded up to what people would choose; None: too few runs."""
    if times.samples < FEWEST:
        return None
    wanted = FACTOR * times.p99
    if wanted > GENEROUS[-1]:
        return float(min(-(-wanted // DAY), LONGEST_DAYS) * DAY)
    return float(next(each for each in GENEROUS if each >= wanted))


def _duration(seconds: float) -> str:
    return next(f"{seconds / unit:.0f}{word}" for unit, word in UNITS if seconds % unit == 0)


def _lines(seen: Seen, suggestions: Suggestions, version: str) -> Iterator[str]:
    yield from _head(seen)
    yield f"type: {quoted(seen.saga_type)}"
    yield f"version: {quoted(version)}"
    yield from _about(seen)
    yield from _found_in_payloads(suggestions)
    yield ""
    if any(not step.undone for step in seen.steps):
        yield "# Steps that were never seen undone count as compensatable here, so that no effect is"
        yield "# forgotten when a saga goes back. Decide of each: compensatable (it can be undone),"
        yield "# pivot (the point of no return), retriable (after the pivot: goes on until it succeeds),"
        yield "# readonly (leaves no effect)."
    yield "steps:" if seen.steps else "steps: []"
    before: tuple[str, ...] = ()
    for step in seen.steps:
        if before:
            yield ""
        yield f"  - name: {quoted(step.name)}"
        yield from (f"    {line}" for line in _step(seen, step, before))
        before = (step.name,)
    if seen.left_out:
        yield ""
        yield f"# Left out, as no definition can hold them, or so many: {_left_out(seen.left_out)}"


def _head(seen: Seen) -> Iterator[str]:
    begin, end = _date(seen.first), _date(seen.last)
    period = f"on {begin}" if begin == end else f"from {begin} to {end}"
    statuses = [f"{seen.statuses[each]:,} {word}" for each, word in STATUSES.items() if each in seen.statuses]
    yield f"# Written from the newest {_sagas(seen.sagas)} of this type, seen {period}:"
    yield f"# {', '.join(statuses)}."
    yield "# It loads as it is. What nobody can see from outside stands in comments: read them, decide,"
    yield '# and take away the "# " of what is to hold.'


def _date(microseconds: int) -> str:
    at: datetime = moment(microseconds)
    return f"{at:%Y-%m-%d}"


def _sagas(count: int) -> str:
    return f"{count:,} saga" if count == 1 else f"{count:,} sagas"


def _about(seen: Seen) -> Iterator[str]:
    yield ""
    yield "# Whom to ask, and what to do at night. Shown on problems and in alerts."
    yield "# owner: orders-oncall@shop.example"
    yield "# runbook: https://runbooks.shop.example/orders"
    whole = deadline(seen.length)
    if whole is None:
        yield f"# How long may all of it take? {_too_few(seen.length, 'came to a good end')}"
        yield "# deadline: 1h"
    else:
        yield f"deadline: {_duration(whole)}  # {_mostly(seen.length)}"
    if not seen.finished:
        yield "# No saga was seen to come to a good end, so that every step is taken for required."
    elif not seen.is_told:
        yield "# Nobody tells the end of these sagas. What is required is judged by those that never went"
        yield f"# back and were quiet after all their steps had completed: {_sagas(seen.finished)}."


def _mostly(times: Times) -> str:
    return f"99 of 100 of {times.samples:,} took {_took(times.p99)} or less"


def _too_few(times: Times, what: str) -> str:
    if not times.samples:
        return f"None {what} with both begin and end told."
    return f"Only {times.samples:,} {what}, the longest in {_took(times.longest)}: too few to say."


def _took(seconds: float) -> str:
    return exactly(round(seconds, 3 if seconds < 1 else 1))


def _found_in_payloads(suggestions: Suggestions) -> Iterator[str]:
    if suggestions.keys:
        yield ""
        yield "# Values that people search by, and that link sagas which share them. Of the payloads of"
        yield f"# {_sagas(suggestions.looked_at)}; whoever may look at sagas will find them by these."
        yield "# keys:"
        yield from (f"#   {_suggested(each)}" for each in suggestions.keys)
    if suggestions.display:
        yield ""
        yield "# Values to show beside a saga's id; they can be searched by, too."
        yield "# display:"
        yield from (f"#   {_suggested(each)}" for each in suggestions.display)


def _suggested(one: Suggestion) -> str:
    paths = [quoted(path) for path in one.paths]
    value = paths[0] if len(paths) == 1 else f"[{', '.join(paths)}]"
    return f"{quoted(one.label)}: {value}  # in {_sagas(one.sagas)}, {one.distinct:,} different"


def _step(seen: Seen, step: SeenStep, before: tuple[str, ...]) -> Iterator[str]:
    yield from _kind(step)
    yield from _participant(step)
    if step.after != before:
        yield f"after: [{', '.join(quoted(name) for name in step.after)}]"
    limit = deadline(step.forward)
    if limit is None:
        yield f"# deadline: 30s  # {_too_few(step.forward, 'completed')}"
    else:
        yield f"deadline: {_duration(limit)}  # {_mostly(step.forward)}"
    if not seen.is_required(step):
        yield f"required: false  # it completed in {step.finished:,} of {_sagas(seen.finished)} that finished"
    # A request needs somebody whom it is sent to.
    if step.undone and step.participants:
        yield from _compensation(step)


def _kind(step: SeenStep) -> Iterator[str]:
    ran = f"it ran in {_sagas(step.sagas)}, failed in {step.failed:,}, was undone in {step.undone:,}"
    yield f"kind: {StepKind.COMPENSATABLE}  # {ran}"
    if step.undo_failed:
        yield f"# In {_sagas(step.undo_failed)} undoing it failed."
    if step.left:
        yield f"# In {_sagas(step.left)} that went back after it had completed, nobody spoke of undoing it."
    if not step.undone:
        yield "# Never seen undone. Is it compensatable, pivot, retriable or readonly?"


def _participant(step: SeenStep) -> Iterator[str]:
    if not step.participants:
        yield "# participant: whose key told of it is not known"
        return
    (name, count), *others = step.participants
    told = "".join(f", {quoted(other)} in {times:,}" for other, times in others[:MOST_OTHERS])
    doubt = f"  # it told of it in {_sagas(count)}{told}: who owns it?" if told else ""
    yield f"participant: {quoted(name)}{doubt}"


def _compensation(step: SeenStep) -> Iterator[str]:
    yield "# How Amends can have it undone, below the participant's address:"
    yield "# compensation:"
    yield "#   request: POST /compensations/NAME"
    yield '#   body: {saga: "{saga}", reason: "{reason}"}'
    limit = deadline(step.back)
    if limit is not None:
        yield f"#   deadline: {_duration(limit)}  # {_mostly(step.back)}"


def _left_out(names: tuple[str, ...]) -> str:
    told = ", ".join(quoted(name[:LONGEST_NAME]) for name in names[:MOST_TOLD])
    return f"{told} and {len(names) - MOST_TOLD:,} more" if len(names) > MOST_TOLD else told
