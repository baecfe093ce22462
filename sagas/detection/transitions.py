"""The life of findings, turn by turn: one statement a transaction, however many turned."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Window
from django.db.models.functions import RowNumber
from msgspec import Struct

from sagas.detection import statements
from sagas.models import Finding, Transition
from sagas.sql import encode, run

What = Transition.What

# Of changes that follow one another more quickly, the first is kept.
PAUSE = timedelta(minutes=1)

# Turns of one finding that are shown.
MOST = 20


class Turn(Struct, gc=False):
    id: int  # of the finding
    what: What


def keep(turns: Iterable[Turn], now: datetime, *, by: str = "", reason: str = "") -> None:
    """Call in the transaction of the turns, after they are written; `by` is empty for Amends itself."""
    rows = list(turns)
    if rows:
        run(statements.KEEP_TRANSITIONS, rows=encode(rows), now=now, by=by, reason=reason, pause=PAUSE)


def newest(findings: Sequence[Finding]) -> dict[int, list[Transition]]:
    """Of each finding, by its key, the newest turns, oldest first."""
    number = Window(RowNumber(), partition_by="finding_id", order_by="-id")
    found = Transition.objects.filter(finding__in=findings).alias(number=number).filter(number__lte=MOST)
    turns: dict[int, list[Transition]] = {finding.pk: [] for finding in findings}
    for turn in found.order_by("pk"):
        turns[turn.finding_id].append(turn)
    return turns
