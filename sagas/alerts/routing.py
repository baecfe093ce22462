"""Who hears of a problem, when, and why (pure): the sweep and the tester ask the same function."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from sagas.alerts.matching import Match, Subject
from sagas.definitions.fields import Seconds, as_stored
from sagas.durations import exactly
from sagas.expressions import EvaluationError

ChannelName = Annotated[str, Meta(min_length=1, max_length=100)]

# Rounds through the steps, beside the first: nobody is called for ever.
MOST_REPEATS = 10


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """So long `after` the step before (the first: after the problem was found) these channels hear of it."""

    channels: Annotated[tuple[ChannelName, ...], Meta(min_length=1, max_length=20)]
    after: Seconds = Seconds(0)


class Route(Struct, frozen=True, forbid_unknown_fields=True):
    """Which problems are told to whom.

    `steps`: the second and later ones are only taken while nobody has acknowledged. After the last, when
    `repeat_after` has passed, they are taken again, `repeats` times. `go_on`: later routes are asked too.
    """

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    match: Match = Match()
    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=10)] = ()
    repeats: Annotated[int, Meta(ge=0, le=MOST_REPEATS)] = 0
    repeat_after: Seconds = Seconds(900)
    zone: Annotated[str, Meta(min_length=1, max_length=100)] = "UTC"
    go_on: bool = False
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Timed:
    """When a step is taken, if nobody acknowledges before."""

    number: int
    at: datetime
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hearing:
    """`doubt`: why nobody can tell whether the route is meant, for which it is taken as meant."""

    route: Route
    steps: tuple[Timed, ...]
    is_default: bool = False
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Passed:
    """A route that was asked, or not, and why it does not tell anybody."""

    route: Route
    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    hearings: tuple[Hearing, ...]
    passed: tuple[Passed, ...]

    @property
    def at_once(self) -> tuple[str, ...]:
        """Channels that hear of it without waiting."""
        found = (
            name
            for hearing in self.hearings
            for step in hearing.steps[:1]
            if not hearing.route.steps[0].after
            for name in step.channels
        )
        return tuple(dict.fromkeys(found))


def ask(subject: Subject, routes: Sequence[Route], default: Route, now: datetime) -> Answer:
    """Who hears of the problem, found `now`. A route that cannot be decided holds: rather one more is told.

    `default` is taken where no other route holds.
    """
    hearings: list[Hearing] = []
    passed: list[Passed] = []
    is_over = False
    for route in routes:
        why, doubt = _why_not(route, subject, now, is_over)
        if why:
            passed.append(Passed(route, why))
            continue
        hearings.append(Hearing(route, steps_of(route, now), doubt=doubt))
        is_over = not route.go_on
    if not hearings:
        hearings.append(Hearing(default, steps_of(default, now), is_default=True))
    return Answer(tuple(hearings), tuple(passed))


def _why_not(route: Route, subject: Subject, now: datetime, is_over: bool) -> tuple[str, str]:
    if not route.is_enabled:
        return "it is switched off", ""
    if is_over:
        return "an earlier route held and is the last to be asked", ""
    try:
        return route.match.why_not(subject, now, route.zone), ""
    except EvaluationError as error:
        return "", f"nobody can tell whether it is meant: {error}"


def steps_of(route: Route, now: datetime) -> tuple[Timed, ...]:
    """All of them, repeats included, as they are taken if nobody ever acknowledges."""
    found: list[Timed] = []
    at = now
    for turn in range(route.repeats + 1):
        for place, step in enumerate(route.steps):
            wait = route.repeat_after if turn and not place else step.after
            at += timedelta(seconds=wait)
            found.append(Timed(len(found), at, step.channels))
    return tuple(found)


def because(route: Route, number: int, *, is_default: bool = False) -> str:
    """Why a channel hears: `route “A”`; `step 2 of route “A”, as nobody saw to it for 10 min`."""
    named = "the default route" if is_default else f"route “{route.name}”"
    place = number % len(route.steps)
    if not number:
        return named
    waited = route.repeat_after if not place else route.steps[place].after
    times = f", for the {ordinal(number // len(route.steps) + 1)} time" if number >= len(route.steps) else ""
    return f"step {place + 1} of {named}{times}, as nobody saw to it for {exactly(waited)}"


def ordinal(number: int) -> str:
    """`2nd`"""
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number if number < 20 else number % 10, 'th') }"


def complaints(route: Route, channels: Iterable[str]) -> list[str]:
    """What is wrong with a route that its form does not show; `channels` are those that there are."""
    found = list(route.match.complaints())
    known = set(channels)
    missing = [name for step in route.steps for name in step.channels if name not in known]
    found += [f"There is no channel {name!r}." for name in dict.fromkeys(missing)]
    if not route.steps:
        found.append("Name at least one channel that hears of it.")
    return found


def read(content: Any) -> Route:
    """A stored one. Raises `msgspec.ValidationError`."""
    return msgspec.convert(content, Route, dec_hook=as_stored)


def to_json(route: Route) -> dict[str, Any]:
    """As it is stored: durations as seconds."""
    content: dict[str, Any] = msgspec.to_builtins(route, enc_hook=float)
    return content
