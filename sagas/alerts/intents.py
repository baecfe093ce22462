"""Who has to hear of what: alerts and their deliveries, written from how problems stand.

A problem's row says what there is to tell (open, grown, over) and what was told; this brings the two
together. It is run by every sweep, so nothing is lost when a process dies in between. When it tells:

- opened: at once;
- worsened: when GROWTH times as many sagas have it as were told, at most once every PAUSE;
- resolved: when it has stayed closed for QUIET. A problem that comes back meanwhile was never away. Each time
  that "resolved" turned out to be wrong the wait grows fourfold, so that one that flaps falls silent.
"""

import copy
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from django.db import transaction

from sagas import changes, definitions, links, masking, standing, story
from sagas.alerts import builtin, statements
from sagas.alerts.wording import line
from sagas.definitions import Definition
from sagas.mistakes import MISTAKES
from sagas.models import Alert, Delivery, Finding, Problem
from sagas.models.finding import WAITING
from sagas.sql import run
from sagas.vocabulary import TOLD

log = structlog.get_logger()

GROWTH = 10
PAUSE = timedelta(seconds=20)
QUIET = timedelta(seconds=10)
PATIENCE = 4
LONGEST_QUIET = timedelta(hours=1)

# Problems in one transaction; the next sweep takes the rest.
MOST = 50

# Sagas that a message names.
EXAMPLES = 5


@transaction.atomic
def tell(now: datetime) -> int:
    """Write the alerts that are due at `now`, each with its deliveries; how many."""
    rows = run(
        statements.TO_TELL,
        now=now,
        severities=list(TOLD),
        growth=GROWTH,
        pause=PAUSE,
        quiet=QUIET,
        patience=PATIENCE,
        longest=LONGEST_QUIET,
        most=MOST,
    )
    problems = Problem.objects.in_bulk([pk for pk, _ in rows])
    for pk, occasion in rows:
        _tell(problems[pk], Alert.Occasion(occasion), now)
    if rows:
        changes.tell("problems")
    return len(rows)


def _tell(problem: Problem, occasion: Alert.Occasion, now: datetime) -> None:
    summary = summarise(problem, occasion, now)
    alert = Alert.objects.create(problem=problem, occasion=occasion, created_at=now, summary=summary)
    Delivery.objects.bulk_create(
        Delivery(alert=alert, channel=channel, target=target, message_id=uuid4(), next_attempt_at=now)
        for channel, target in builtin.targets(problem.owner)
    )
    # At least one, as it was told: a participant may fall silent while no saga waits for it.
    problem.told_count = 0 if occasion == Alert.Occasion.RESOLVED else max(1, problem.open_count)
    problem.save(update_fields=["told_count"])


def summarise(problem: Problem, occasion: Alert.Occasion, now: datetime) -> dict[str, object]:
    """All that a message says, as it is now: masked, whoever reads it. Every text is one line."""
    found = Finding.objects.filter(problem=problem).select_related("saga")
    if occasion == Alert.Occasion.RESOLVED:
        examples = list(found.order_by("-closed_at")[:EXAMPLES])
    else:
        examples = list(found.filter(WAITING).order_by("since", "pk")[:EXAMPLES])
    definition = _definition(problem, examples)
    return {
        "problem": problem.pk,
        "occasion": occasion.value,
        "saga_type": line(problem.saga_type),
        "type_title": line(definition.title) if definition else line(problem.saga_type),
        "step": line(problem.step),
        "code": problem.code,
        "condition": problem.condition,
        "severity": problem.severity,
        "title": line(problem.title),
        "explanation": line(masking.of(problem.saga_type).explanation(problem.step, problem.explanation)),
        "participant": line(problem.participant),
        "owner": line(problem.owner),
        "runbook": line(definition.runbook) if definition else "",
        "count": problem.open_count,
        "told_before": problem.told_count,
        "total": problem.total_count,
        "since": min((one.since for one in examples), default=problem.opened_at).isoformat(),
        "closed_at": problem.closed_at.isoformat() if problem.closed_at else None,
        "story": _story(examples, now) if occasion != Alert.Occasion.RESOLVED else "",
        "link": links.problem(problem.pk),
        "sagas": [
            {"id": line(one.saga.saga_id), "link": links.saga(one.saga.saga_type, one.saga.saga_id)}
            for one in examples
        ],
    }


def _definition(problem: Problem, examples: list[Finding]) -> Definition | None:
    pk = next((one.saga.definition_id for one in examples if one.saga.definition_id), None)
    return definitions.by_key(pk) if pk else None


def _story(examples: list[Finding], now: datetime) -> str:
    """The first sentence about the saga that has waited longest; empty if a mistake of ours prevents it."""
    if not examples:
        return ""
    saga = examples[0].saga
    try:
        state, definition = standing.of(saga, now)
        masks = masking.of(saga.saga_type)
        first = copy.copy(examples[0])
        first.detail = masks.detail(first.step, first.detail)
        return line(story.plain(story.tell(masks.state(state), [first], definition, now)[:1]))
    except MISTAKES:
        log.exception("alerts: a story cannot be told", saga=saga.pk)
        return ""
