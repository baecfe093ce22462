"""Accept one finding or all of a problem, and withdraw: saga, problem, turn and audit in one transaction.

Locks are taken in the order of the sweep: sagas, keys of problems, findings, problems; the audit log last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from sagas import audit, changes
from sagas.acceptance import seeing, statements
from sagas.acceptance.refusals import (
    ChangedError,
    CountError,
    NotAcceptedError,
    NotWaitingError,
    ReasonMissingError,
)
from sagas.audit import Actor
from sagas.detection import grounds, problems, transitions
from sagas.detection.difference import Key
from sagas.detection.tally import Tally
from sagas.detection.transitions import Turn, What
from sagas.models import Finding, Problem
from sagas.sql import encode, run
from sagas.stakes import Stake
from sagas.vocabulary import Condition

# Characters of a reason that are kept.
LONGEST = 4000

# Findings of a problem that one act accepts.
MOST = 100_000

# What of a finding's detail it stands on, with the events of other sagas, as SQL digests it.
NAMES_IN_SQL = [*grounds.NAMES, "others"]

# Findings in one transaction: few enough that writers hardly wait for it.
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Accepted:
    """`left`: closed, accepted or changed while it went on, or past MOST."""

    accepted: int
    left: int

    def __str__(self) -> str:
        told = "1 finding accepted" if self.accepted == 1 else f"{self.accepted:,} findings accepted"
        return f"{told}, {self.left:,} left: look again." if self.left else f"{told}."


def accept(finding: Finding, by: Actor, reason: str, seen: str, now: datetime | None = None) -> Finding:
    """Accept one finding as it was seen (`seeing.of_finding`); the finding as it is then.

    Raises an AcceptanceError: ReasonMissingError, NotWaitingError, ChangedError; then nothing was changed.
    """
    now, reason = now or timezone.now(), _clean(reason)
    if not reason:
        raise ReasonMissingError
    with transaction.atomic():
        found = _hold(finding)
        if not found.is_waiting:
            raise NotWaitingError(found)
        if seeing.of_finding(found) != seen:
            raise ChangedError("This finding")
        _accept([{"id": found.pk, "seen": None}], [found.saga_id], by, reason, now)
        audit.record(
            by,
            "finding.accepted",
            _object(found),
            saga=found.saga,
            reason=reason,
            after={"code": found.code, "step": found.step, "evidence": found.evidence},
        )
        return _fresh(found)


def withdraw(finding: Finding, by: Actor, reason: str = "", now: datetime | None = None) -> Finding:
    """Take an acceptance back: the finding counts again. Raises NotAcceptedError."""
    now, reason = now or timezone.now(), _clean(reason)
    with transaction.atomic():
        found = _hold(finding)
        if not found.is_accepted:
            raise NotAcceptedError(found)
        tally = Tally()
        stake = None if found.stake is None else Stake(found.stake, found.currency)
        tally.reopened(found.problem_id, stake)
        run(statements.WITHDRAW, finding=found.pk)
        tally.write(now)
        transitions.keep([Turn(found.pk, What.REOPENED)], now, by=by.name, reason=reason)
        _show([found.saga_id])
        audit.record(
            by,
            "finding.withdrawn",
            _object(found),
            saga=found.saga,
            reason=reason,
            before={"accepted_by": found.accepted_by, "accepted_reason": found.accepted_reason},
        )
        return _fresh(found)


def accept_all(
    problem: Problem, by: Actor, reason: str, count: int, seen: str, now: datetime | None = None
) -> Accepted:
    """Accept all findings of the problem that wait for somebody: `count` of them, as was confirmed.

    `seen` is `seeing.of_problem`. What is accepted is settled at the beginning; then it goes on in
    transactions of AT_ONCE, each with its audit entry, and leaves alone what turns meanwhile. Not inside
    another transaction. Raises ReasonMissingError, CountError, ChangedError; then nothing was changed.
    """
    now, reason = now or timezone.now(), _clean(reason)
    if not reason:
        raise ReasonMissingError
    waiting = _confirm(problem, count, seen)
    accepted = sum(
        _accept_chunk(problem, waiting[start : start + AT_ONCE], by, reason, now)
        for start in range(0, len(waiting), AT_ONCE)
    )
    return Accepted(accepted, count - accepted)


@transaction.atomic
def _confirm(problem: Problem, count: int, seen: str) -> list[tuple[int, int, str]]:
    """(finding, saga, digest of its grounds) of what waits, if it is what was confirmed."""
    problems.lock([_key(problem)])
    found = Problem.objects.get(pk=problem.pk)
    if found.open_count != count:
        raise CountError(count, found.open_count)
    if seeing.of_problem(found) != seen:
        raise ChangedError("This problem")
    rows = run(statements.WAITING_OF_PROBLEM, problem=problem.pk, most=MOST, names=NAMES_IN_SQL)
    return [(pk, saga, digest) for pk, saga, digest in rows]


@transaction.atomic
def _accept_chunk(
    problem: Problem, waiting: Sequence[tuple[int, int, str]], by: Actor, reason: str, now: datetime
) -> int:
    sagas = sorted({saga for _, saga, _ in waiting})
    run(statements.LOCK_SAGAS, sagas=sagas)
    problems.lock([_key(problem)])
    rows = [{"id": pk, "seen": digest} for pk, _, digest in waiting]
    accepted = _accept(rows, sagas, by, reason, now)
    if accepted:
        name = ("problem", str(problem.pk))
        audit.record(by, "problem.accepted", name, reason=reason, after={"findings": accepted})
    return len(accepted)


def _accept(
    rows: list[dict[str, Any]], sagas: Sequence[int], by: Actor, reason: str, now: datetime
) -> list[int]:
    """The findings that were accepted."""
    found = run(statements.ACCEPT, rows=encode(rows), by=by.name, reason=reason, now=now, names=NAMES_IN_SQL)
    tally = Tally()
    for _, problem, amount, currency in found:
        tally.accepted(problem, None if amount is None else Stake(amount, currency))
    tally.write(now)
    accepted = sorted(row[0] for row in found)
    transitions.keep([Turn(pk, What.ACCEPTED) for pk in accepted], now, by=by.name, reason=reason)
    _show(sagas)
    return accepted


def _hold(finding: Finding) -> Finding:
    """The finding as it is now, with its saga and its problem's key held."""
    run(statements.LOCK_SAGAS, sagas=[finding.saga_id])
    problem = Problem.objects.get(pk=finding.problem_id)
    problems.lock([_key(problem)])
    return Finding.objects.select_related("saga").get(pk=finding.pk)


def _show(sagas: Sequence[int]) -> None:
    """Make the condition of these sagas what their findings make it, and tell open pages."""
    run(statements.SET_CONDITIONS, sagas=list(sagas), conditions=list(Condition))
    changes.tell("problems", "sagas", *(f"saga:{saga}" for saga in sagas))


def _fresh(finding: Finding) -> Finding:
    return Finding.objects.select_related("problem").get(pk=finding.pk)


def _key(problem: Problem) -> Key:
    return Key(problem.saga_type, problem.step, problem.code)


def _object(finding: Finding) -> tuple[str, str]:
    return "finding", str(finding.pk)


def _clean(text: str) -> str:
    return audit.storable(text).strip()[:LONGEST]
