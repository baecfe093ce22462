"""Verdicts into findings and problems: opened, changed and closed set by set, whatever the number of sagas.

Whoever calls holds the sagas' rows, so a saga's findings are changed by one transaction at a time. Problems
are shared by sagas: their keys are locked in one order before they are looked at.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sagas import story
from sagas.detection import statements, transitions
from sagas.detection.difference import Changed, Judged, Key, Known, compare, facts_of, key_of
from sagas.detection.tally import Tally
from sagas.detection.transitions import Turn, What
from sagas.detection.verdict import Verdict
from sagas.sql import encode, run
from sagas.vocabulary import FAULTS, TOLD

# A problem that comes back within this time is the same one again: people follow one thread.
SAME_AGAIN = timedelta(hours=1)

# Locks that all keys share: few enough for the lock table of a small server, however many keys there are, and
# many enough that two keys seldom share one.
SLOTS = 1024


@dataclass(frozen=True, slots=True)
class Settled:
    """`touched` are the sagas whose findings opened, reopened or closed."""

    touched: set[int]
    accepted: set[tuple[int, str, str]]

    def waiting(self, judged: Judged) -> list[Verdict]:
        """What is wrong with the saga and nobody has accepted."""
        if not self.accepted:
            return list(judged.verdicts)
        return [one for one in judged.verdicts if (judged.saga, one.code, one.step) not in self.accepted]


def settle(judged: Sequence[Judged], now: datetime) -> Settled:
    """Make the open findings of these sagas what was judged.

    Call in the transaction that holds the sagas' rows.
    """
    difference = compare(judged)
    lock(difference.keys)
    tally = Tally()
    turns = [*_change(difference.changed, tally), *_close(difference.closed, tally, now)]
    turns += _open(difference.opened, tally, now)
    tally.write(now)
    transitions.keep(turns, now)
    touched = {saga.saga for saga, _ in difference.opened} | {known.saga for known, _ in difference.closed}
    touched |= {one.known.saga for one in difference.changed if one.is_reopened}
    return Settled(touched, difference.accepted)


def lock(keys: Iterable[Key]) -> None:
    """Keep others from counting the problems of these keys until the end of the transaction."""
    slots = sorted({_slot(key) for key in keys})
    if slots:
        run(statements.LOCK_SLOTS, slots=slots)


def _change(changed: Sequence[Changed], tally: Tally) -> Iterator[Turn]:
    rows = []
    for one in changed:
        known, stake = one.known, one.judged.stake
        rows.append({"id": known.id, "reopened": one.is_reopened} | facts_of(one.judged, one.verdict))
        if one.is_reopened:
            tally.reopened(known.problem, stake)
            yield Turn(known.id, What.REOPENED)
            continue
        if not known.is_accepted and known.stake != stake:
            tally.restaked(known.problem, known.stake, stake)
        if one.has_other_grounds:
            yield Turn(known.id, What.CHANGED)
    if rows:
        run(statements.CHANGE_FINDINGS, rows=encode(rows))


def _close(closed: Sequence[tuple[Known, Key]], tally: Tally, now: datetime) -> Iterator[Turn]:
    for known, _ in closed:
        tally.closed(known.problem, known.stake, was_accepted=known.is_accepted)
        yield Turn(known.id, What.CLOSED)
    if closed:
        run(statements.CLOSE_FINDINGS, findings=[known.id for known, _ in closed], now=now)


def _open(opened: Sequence[tuple[Judged, Verdict]], tally: Tally, now: datetime) -> Iterator[Turn]:
    if not opened:
        return
    problems = _problems_for(opened, now)
    findings = []
    worst: dict[int, tuple[Judged, Verdict]] = {}
    for saga, verdict in opened:
        problem = problems[key_of(saga, verdict)]
        known = worst.get(problem)
        if known is None or verdict.severity.rank > known[1].severity.rank:
            worst[problem] = saga, verdict
        tally.opened(problem, saga.stake)
        findings.append(_finding(saga, verdict, problem))
    for problem, (saga, verdict) in worst.items():
        tally.worst(problem, verdict.severity, _words(saga, verdict))
    for (pk,) in run(statements.OPEN_FINDINGS, rows=encode(findings), now=now):
        yield Turn(pk, What.OPENED)


def _problems_for(opened: Sequence[tuple[Judged, Verdict]], now: datetime) -> dict[Key, int]:
    """The open problem of each key, or the one that closed a short while ago, or a new one."""
    examples = {key_of(saga, verdict): (saga, verdict) for saga, verdict in reversed(opened)}
    if not examples:
        return {}
    loud = {key_of(saga, verdict) for saga, verdict in opened if verdict.severity in TOLD}
    keys = encode([key._asdict() | {"is_loud": key in loud} for key in examples])
    rows = run(statements.FIND_PROBLEMS, rows=keys, since=now - SAME_AGAIN, told=list(TOLD))
    found = {Key(*row[1:]): row[0] for row in rows}
    missing = [_problem(key, *example) for key, example in examples.items() if key not in found]
    if missing:
        rows = run(statements.ADD_PROBLEMS, rows=encode(missing), now=now)
        found |= {Key(*row[1:]): row[0] for row in rows}
    return found


def _problem(key: Key, saga: Judged, verdict: Verdict) -> dict[str, Any]:
    return {
        **key._asdict(),
        "condition": FAULTS[verdict.code].condition,
        "severity": verdict.severity,
        **_words(saga, verdict),
        "participant": verdict.detail.get("participant", ""),
        "owner": saga.definition.owner if saga.definition else "",
    }


def _words(saga: Judged, verdict: Verdict) -> dict[str, str]:
    told = verdict.code, verdict.step, verdict.detail, saga.definition
    return {"title": story.title(*told), "explanation": story.explanation(*told)}


def _finding(saga: Judged, verdict: Verdict, problem: int) -> dict[str, Any]:
    return {
        "saga_id": saga.saga,
        "problem_id": problem,
        "code": verdict.code,
        "step": verdict.step,
        "condition": FAULTS[verdict.code].condition,
        "severity": verdict.severity,
    } | facts_of(saga, verdict)


def _slot(key: Key) -> int:
    """Which lock keeps it; two keys that share one only wait for each other."""
    digest = hashlib.blake2b("\0".join(key).encode(), digest_size=8, person=b"problem")
    return int.from_bytes(digest.digest(), "big") % SLOTS
