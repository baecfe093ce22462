"""Silences in the database: they open and close with their problems, and sagas are judged anew.

Part of every sweep; any number may run at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Q

from sagas import changes, story
from sagas.detection import problems
from sagas.detection.silence import statements
from sagas.detection.silence.quiet import EVERYBODY, Source, find_silent
from sagas.detection.silence.veil import NOBODY, VEILED, Silences, Silent
from sagas.detection.statements import MAKE_DUE
from sagas.mistakes import MISTAKES
from sagas.models import Problem
from sagas.sql import encode, run
from sagas.vocabulary import FAULTS, Code, Severity

log = structlog.get_logger()

# A sweep that comes this long after the one before was away, and Amends has not listened meanwhile.
AWAY = timedelta(seconds=30)

# Sagas that are made due in one transaction, and transactions of one sweep.
CHUNK = 500
MOST_CHUNKS = 10


@dataclass(frozen=True, slots=True)
class View:
    """How Amends listens, and whoever is silent or about to be."""

    listening_since: datetime
    newest: datetime  # when anybody was last heard
    sources: list[Source]
    has_review: bool

    def find_silent(self, now: datetime) -> dict[str, list[Source]]:
        return find_silent(self.sources, self.newest, self.listening_since, now)


def known() -> Silences:
    """Who is silent; no silence opens or closes until the caller's transaction ends."""
    run(statements.SHARE)
    silent = {row[0]: Silent(*row) for row in run(statements.OPEN_SILENCES)}
    if not silent:
        return NOBODY
    return Silences(silent, frozenset(name for (name,) in run(statements.WERE_HEARD)))


def watch(now: datetime, sweeps: str) -> None:
    """Open and close silences as of `now`, and make due what has to be judged anew because of them.

    `sweeps`: the heartbeat that tells when the last sweep ended.
    """
    try:
        view = _look(now, sweeps)
        if view.sources and _differs(view.find_silent(now), view.sources):
            _settle(now, sweeps)
        elif not view.has_review:
            return
        _review(now)
    except MISTAKES:
        # Silences are judged by the next sweep again; sagas are judged all the same.
        log.exception("silence: it cannot be judged who is silent")


def _look(now: datetime, sweeps: str) -> View:
    rows = run(statements.LOOK, now=now, heartbeat=sweeps)
    since, has_review, swept_at, newest = rows[0][:4]
    if since is None or swept_at is None or now - swept_at > AWAY:
        run(statements.LISTEN_ANEW, now=now, deaf_since=swept_at or now)
        since = now
    sources = [Source(*row[4:]) for row in rows if row[4] is not None]
    return View(since, newest or now, sources, bool(has_review))


def _differs(silent: Mapping[str, Iterable[Source]], sources: Iterable[Source]) -> bool:
    found = {(source.participant, problem) for problem, members in silent.items() for source in members}
    is_open = {(source.participant, source.told_as) for source in sources if source.silence is not None}
    return found != is_open or any(_has_spoken(source) for source in sources)


def _has_spoken(source: Source) -> bool:
    return source.silent_since is not None and source.heard_at > source.silent_since


@transaction.atomic
def _settle(now: datetime, sweeps: str) -> None:
    """Make the open silences what is found; once more, alone, as another sweep may have been faster."""
    run(statements.BE_ALONE)
    view = _look(now, sweeps)
    silent = view.find_silent(now)
    if not _differs(silent, view.sources):
        return
    kept = {source.participant for members in silent.values() for source in members}
    closed = [
        source
        for source in view.sources
        if source.silence is not None and (source.participant not in kept or _has_spoken(source))
    ]
    over = {source.participant for source in closed}
    run(statements.CLOSE_SILENCES, silences=[source.silence for source in closed], now=now)
    opened, moved = [], []
    for name, members in silent.items():
        new = [source for source in members if source.silence is None or source.participant in over]
        elsewhere = [source for source in members if source not in new and source.told_as != name]
        if new or elsewhere:
            problem = _take_up(name, members, view.newest, now)
            opened += [_silence(source, problem) for source in new]
            moved += [{"silence": source.silence, "problem": problem} for source in elsewhere]
    run(statements.OPEN_SILENCES_OF, rows=encode(opened), now=now)
    run(statements.MOVE_SILENCES, rows=encode(moved))
    run(statements.CLOSE_PROBLEMS, code=Code.SOURCE_SILENT, now=now)
    unheard = [source.silent_since for source in closed if source.told_as == EVERYBODY]
    if unheard:
        # What nobody could tell is nobody's silence: all get their time again.
        run(statements.LISTEN_ANEW, now=now, deaf_since=min(filter(None, unheard)))
    since = [source.silent_since or source.heard_at for source in view.sources]
    run(statements.ASK_FOR_REVIEW, since=min(since))
    changes.tell("problems", "participants")


def _take_up(name: str, members: list[Source], newest: datetime, now: datetime) -> int:
    """The open problem, or one that closed a short while ago, or a new one, as it is told now; its key."""
    key = {"saga_type": "", "step": name, "code": Code.SOURCE_SILENT}
    is_same = Q(closed_at=None) | Q(closed_at__gt=now - problems.SAME_AGAIN)
    rows = Problem.objects.select_for_update(no_key=True).filter(is_same, **key)
    problem = rows.order_by(F("closed_at").desc(nulls_first=True)).first() or Problem(
        **key, condition=FAULTS[Code.SOURCE_SILENT].condition, severity=Severity.NOTE, opened_at=now
    )
    one = members[0]
    since = newest if name == EVERYBODY else one.heard_at
    silent = Silent(one.name, name, since, one.usual, one.patience or 0.0, one.is_declared)
    told = Code.SOURCE_SILENT, "", silent.detail, None
    problem.title, problem.explanation = story.title(*told), story.explanation(*told)
    problem.participant, problem.owner = (one.name, one.owner) if name != EVERYBODY else ("", "")
    # A new rhythm may not know of a night yet: it is shown, and told as soon as a saga waits
    # (problems.settle). What was told stays told until it is over.
    severity = Severity.WARNING if all(source.is_new for source in members) else Severity.ERROR
    if (problem.closed_at and not problem.told_count) or severity.rank > Severity(problem.severity).rank:
        problem.severity = severity
    problem.closed_at = None
    problem.save()
    return problem.pk


def _silence(source: Source, problem: int) -> dict[str, Any]:
    return {
        "participant": source.participant,
        "problem": problem,
        "since": source.heard_at,
        "patience": source.patience,
        "usual": source.usual,
        "is_declared": source.is_declared,
    }


def _review(now: datetime) -> None:
    for _ in range(MOST_CHUNKS):
        if not _review_chunk(now):
            return


@transaction.atomic
def _review_chunk(now: datetime) -> bool:
    """Make due the next sagas that a silence explains, or did; False where none is left for us."""
    asked = run(statements.TAKE_REVIEW)
    if not asked:
        return False
    ((since, after, until),) = asked
    codes = [*VEILED, Code.SOURCE_SILENT]
    found = run(statements.TO_REVIEW, codes=codes, since=since, after=after, until=until, most=CHUNK)
    if found:
        run(MAKE_DUE, sagas=[saga for _, saga in found], now=now)
        after = found[-1][0]
    is_over = len(found) < CHUNK
    run(statements.REVIEWED, since=None if is_over else since, after=after)
    return not is_over
