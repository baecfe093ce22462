"""All that a message says of an incident, as it is now: masked, whoever reads it. Every text is one line."""

import copy
from collections.abc import Sequence
from datetime import datetime

import structlog

from sagas import definitions, links, masking, standing, story
from sagas.alerts import statements
from sagas.alerts.knowing import Group, Known
from sagas.alerts.message import Example, Part, Summary, Words
from sagas.alerts.wording import line
from sagas.definitions import Definition
from sagas.mistakes import MISTAKES
from sagas.models import Finding, Incident, Problem, Saga
from sagas.models.finding import WAITING
from sagas.sql import run
from sagas.stakes import words
from sagas.story import PartKind
from sagas.vocabulary import Occasion, Severity

log = structlog.get_logger()

# Sagas and problems that a message names.
EXAMPLES = 5
PROBLEMS = 8


def summarise(group: Group, occasion: Occasion, now: datetime, said: str = "") -> Summary:
    """What `occasion` has to say; of several problems the worst is told first, and described.

    `said`: what somebody just did about it, in a sentence.
    """
    ranked = sorted(group.open_members or group.members, key=_harm)
    problem = Problem.objects.get(pk=ranked[0].pk)
    examples = _examples(ranked, occasion)
    definition = _definition(examples)
    is_over = occasion == Occasion.RESOLVED
    return Summary(
        occasion=occasion,
        problem=problem.pk,
        saga_type=line(problem.saga_type),
        type_title=line(definition.title) if definition else line(problem.saga_type),
        step=line(problem.step),
        code=problem.code,
        condition=problem.condition,
        severity=problem.severity,
        title=line(problem.title),
        explanation=line(masking.of(problem.saga_type).explanation(problem.step, problem.explanation)),
        participant=line(problem.participant),
        owner=line(problem.owner),
        runbook=line(definition.runbook) if definition else "",
        count=_count(ranked) if not is_over else 0,
        told_before=group.incident.told_count,
        total=sum(_totals(ranked)),
        stake=", ".join(words(amount, currency) for currency, amount in group.standing().stake.items()),
        since=min((one.since for one in examples), default=problem.opened_at),
        closed_at=problem.closed_at,
        sentence=first_sentence(examples[0].saga, examples[0], now) if examples and not is_over else (),
        link=links.problem(problem.pk),
        sagas=tuple(
            Example(line(one.saga.saga_id), links.saga(one.saga.saga_type, one.saga.saga_id))
            for one in examples
        ),
        problems=_parts(ranked),
        problem_count=len(ranked),
        handled=line(said) or handled(group.incident),
    )


def handled(incident: Incident) -> str:
    """Who sees to it; empty where nobody said so."""
    said = []
    if incident.acknowledged_at:
        said.append(f"{line(incident.acknowledged_by)} sees to it.")
    if incident.assignee:
        said.append(f"It is assigned to {line(incident.assignee)}.")
    return " ".join(said)


def _harm(one: Known) -> tuple[int, float, int, int]:
    stake = float(sum(one.stake.values()))
    return -Severity(one.severity).rank, -stake, -one.open_count, one.pk


def _count(ranked: Sequence[Known]) -> int:
    """Sagas, each once, however many of the problems it has."""
    if len(ranked) == 1:
        return ranked[0].open_count
    ((number,),) = run(statements.COUNT_SAGAS, problems=[one.pk for one in ranked])
    return int(number)


def _totals(ranked: Sequence[Known]) -> list[int]:
    return list(
        Problem.objects.filter(pk__in=[one.pk for one in ranked]).values_list("total_count", flat=True)
    )


def _examples(ranked: Sequence[Known], occasion: Occasion) -> list[Finding]:
    found = Finding.objects.filter(problem=ranked[0].pk).select_related("saga")
    if occasion == Occasion.RESOLVED:
        return list(found.order_by("-closed_at")[:EXAMPLES])
    return list(found.filter(WAITING).order_by("since", "pk")[:EXAMPLES])


def _parts(ranked: Sequence[Known]) -> tuple[Part, ...]:
    if len(ranked) == 1:
        return ()
    shown = ranked[:PROBLEMS]
    titles = dict(Problem.objects.filter(pk__in=[one.pk for one in shown]).values_list("pk", "title"))
    return tuple(
        Part(line(titles[one.pk]), line(one.saga_type), one.open_count, links.problem(one.pk))
        for one in shown
    )


def _definition(examples: Sequence[Finding]) -> Definition | None:
    pk = next((one.saga.definition_id for one in examples if one.saga.definition_id), None)
    return definitions.by_key(pk) if pk else None


def first_sentence(saga: Saga, finding: Finding | None, now: datetime) -> tuple[Words, ...]:
    """Of the saga's story, masked; none if a mistake of ours prevents it: people are told all the same."""
    try:
        state, definition = standing.of(saga, now)
        masks = masking.of(saga.saga_type)
        found = []
        if finding is not None:
            found = [copy.copy(finding)]
            found[0].detail = masks.detail(finding.step, finding.detail)
        told = story.tell(masks.state(state), found, definition, now)[:1]
        return tuple(
            Words(part.text, part.at if part.kind == PartKind.TIME else None)
            for sentence in told
            for part in sentence
        )
    except MISTAKES:
        log.exception("alerts: a story cannot be told", saga=saga.pk)
        return ()
