"""Sagas that are at work on the same thing though their definition says that they must not be. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sagas.definitions import Conflict
from sagas.detection.sight import OUTCOMES, Sight, is_active, moments
from sagas.detection.verdict import AT_ONCE, Verdict
from sagas.facts import Moment
from sagas.vocabulary import Code


def prospects(mine: Sight, linked: Sequence[Sight] | None) -> Iterator[Verdict]:
    """At most one for each step of the saga's own; the others are counted."""
    found: dict[str, Verdict] = {}
    for verdict in _of_each(mine, linked or ()):
        known = found.setdefault(verdict.step, verdict)
        if known is not verdict:
            rivals = [one for one in verdict.detail["rivals"] if one not in known.detail["rivals"]]
            detail = known.detail | {"rivals": [*known.detail["rivals"], *rivals]}
            found[verdict.step] = replace(known, detail=detail)
    yield from found.values()


def _of_each(mine: Sight, linked: Sequence[Sight]) -> Iterator[Verdict]:
    """Of each conflict that its definition names."""
    definition = mine.definition
    if definition is None:
        return
    for conflict in definition.conflicts:
        own = at_work(mine, conflict.steps)
        if own is None:
            continue
        rivals = [
            (other, theirs)
            for other in linked
            if other.saga_type == conflict.other and conflict.key in other.shared
            if (theirs := at_work(other, conflict.their)) is not None
        ]
        if rivals:
            yield _verdict(conflict, mine, own, sorted(rivals, key=lambda rival: rival[0].saga_id))


def at_work(sight: Sight, steps: Sequence[str]) -> list[str] | None:
    """Which of these steps are at work or in effect while the saga is not over; None where it is not at any.

    An empty list where no steps were named, so that being there is enough.
    """
    if sight.state.is_over:
        return None
    if not steps:
        return []
    found = [step.name for step in sight.state.steps if step.name in steps and is_active(step)]
    return found or None


def _verdict(
    conflict: Conflict, mine: Sight, own: list[str], rivals: Sequence[tuple[Sight, list[str]]]
) -> Verdict:
    rival, theirs = rivals[0]
    proof, rivals_proof = _begun(mine, own), _begun(rival, theirs)
    return Verdict(
        code=Code.OVERLAPPING_SAGAS,
        step=own[0] if own else "",
        due=AT_ONCE,
        since=max((moment.stamp.time for moment in [*proof, *rivals_proof]), default=mine.state.first),
        evidence=tuple(proof),
        detail={
            "key": conflict.key,
            "value": mine.state.keys.get(conflict.key, ""),
            "steps": own,
            "others": [
                rival.name
                | {
                    "steps": theirs,
                    "events": [{"source": one.source, "id": one.stamp.event_id} for one in rivals_proof],
                }
            ],
            "more": len(rivals) - 1,
            "rivals": [rival.saga_id for rival, _ in rivals],
        },
    )


def _begun(sight: Sight, steps: Sequence[str]) -> list[Moment]:
    """What shows that it is at these steps; without any, that it started."""
    found = []
    for name in steps:
        step = sight.state.step(name)
        for run in step.runs if step else ():
            told = moments(run, ("started", *OUTCOMES))
            found += sorted(told, key=lambda moment: moment.stamp.time)[:1]
    if not found and sight.state.started:
        found.append(sight.state.started)
    return found
