"""The rows of a case, each as its reader may see it (console.seeing)."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import or_

from django.db.models import Case as When
from django.db.models import Q, QuerySet, prefetch_related_objects
from django.db.models import When as Where

from compensation import policy
from compensation.batches import demands
from compensation.batches.progress import progress
from compensation.models import Batch, Repair
from console import drawn
from console.api.repairs import SHOWN
from console.api.sagas import LINKS
from console.casefiles.case import Case, Many, OneBatch, OneSaga, Written
from console.seeing import Clear, Seeing
from sagas import audit, standing, story, timeline
from sagas.detection import transitions
from sagas.models import AuditEntry, Event, Saga, Transition
from sagas.vocabulary import Severity

# So many are taken along, of more the newest; and bytes of payloads.
MOST_EVENTS = 5000
MOST_PAYLOADS = 32 * 1024**2
MOST_FINDINGS = 500
MOST_REPAIRS = 100
MOST_ENTRIES = 1000
# Sagas of a batch, each on one line: as many as one can have.
MOST_SAGAS = 100_000


def of_saga(saga: Saga, seeing: Seeing, now: datetime) -> Case:
    """Call in a transaction: the saga stays locked, so that nothing of it changes meanwhile."""
    one, left_out = _one(saga, seeing, now)
    count = Repair.objects.filter(saga=saga).count()
    rows = list(SHOWN.filter(saga=saga).order_by("-pk")[:MOST_REPAIRS])
    repairs = [seeing.repair(row) for row in reversed(rows)]
    left_out += _left(count - len(rows), "older repair")
    batches = _batches(repairs, seeing)
    entries, more = _entries(
        [
            AuditEntry.objects.filter(saga=saga),
            *_of_problems(one),
            *(_of_batch(each.batch) for each in batches),
        ],
        seeing,
    )
    return Case(
        kind="saga",
        name=str(saga),
        at=now,
        entries=entries,
        one=one,
        repairs=repairs,
        batches=batches,
        has_masks=bool(Seeing().masks(saga.saga_type)),
        is_clear=isinstance(seeing, Clear),
        left_out=[*left_out, *more],
    )


def of_repair(repair: Repair, seeing: Seeing, now: datetime) -> Case:
    """Its saga, and of the saga's repairs this one. Call in a transaction, as for a saga."""
    one, left_out = _one(repair.saga, seeing, now)
    shown = seeing.repair(SHOWN.get(pk=repair.pk))
    batches = _batches([shown], seeing)
    others = AuditEntry.objects.filter(object_kind="repair").exclude(object_id=str(repair))
    entries, more = _entries(
        [
            AuditEntry.objects.filter(saga=repair.saga_id).exclude(pk__in=others.filter(saga=repair.saga_id)),
            *_of_problems(one),
            *(_of_batch(each.batch) for each in batches),
        ],
        seeing,
    )
    return Case(
        kind="repair",
        name=str(repair),
        at=now,
        entries=entries,
        one=one,
        repairs=[shown],
        batches=batches,
        has_masks=bool(Seeing().masks(repair.saga.saga_type)),
        is_clear=isinstance(seeing, Clear),
        left_out=[*left_out, *more],
    )


def of_batch(batch: Batch, seeing: Seeing, now: datetime) -> Case:
    """Its plan, who agreed, and all of its sagas on a line each; attempts of the first repairs alone."""
    batch = Batch.objects.get(pk=batch.pk)
    rows = batch.sagas.select_related("saga", "repair").defer("saga__facts", "repair__plan")
    sagas = seeing.batch_sagas(rows.order_by("position")[:MOST_SAGAS])
    count = batch.sagas.count()
    # Those that a person has to look at come first.
    is_well = When(Where(state=Repair.State.STOPPED, then=False), default=True)
    ordered = SHOWN.filter(batch=batch).order_by(is_well, "pk")
    first = [seeing.repair(row) for row in ordered[:MOST_REPAIRS]]
    begun = sum(one.repair is not None for one in sagas)
    entries, more = _entries([_of_batch(batch)], seeing)
    left_out = ["Events, findings and audit entries of its sagas: each saga and repair has a case file."]
    if begun > len(first):
        left_out.append(
            f"Requests and answers of {begun - len(first):,} of {begun:,} repairs: those that need a person"
            " come first."
        )
    types = {one.saga.saga_type for one in sagas}
    return Case(
        kind="batch",
        name=str(batch),
        at=now,
        entries=entries,
        many=Many(sagas, is_whole=len(sagas) == count),
        repairs=first,
        batches=[_batch(batch, seeing)],
        has_masks=any(Seeing().masks(saga_type) for saga_type in types),
        is_clear=isinstance(seeing, Clear),
        left_out=[*left_out, *_left(count - len(sagas), "saga"), *more],
    )


def _one(saga: Saga, seeing: Seeing, now: datetime) -> tuple[OneSaga, list[str]]:
    saga = (
        Saga.objects.select_related("definition").select_for_update(of=["self"], no_key=True).get(pk=saga.pk)
    )
    state, definition = standing.of(saga, now)
    state = seeing.state(saga, state)
    prefetch_related_objects([saga], LINKS)
    events = _events(saga)
    count = saga.findings.count()
    newest = saga.findings.select_related("problem", "saga").order_by("-opened_at", "-pk")[:MOST_FINDINGS]
    findings = seeing.findings(reversed(newest))
    told = [
        finding for finding in findings if finding.closed_at is None and finding.severity != Severity.NOTE
    ]
    shown = seeing.saga(saga)
    # The row's own columns are as old as its last event or sweep.
    shown.status, shown.waiting_on = state.status, state.waiting_on
    shown.open_effects, shown.unknown_effects = state.open_effects, state.unknown_effects
    one = OneSaga(
        saga=shown,
        state=state,
        definition=definition,
        story=story.tell(state, [one for one in told if one.is_waiting] or told, definition, now),
        timeline=timeline.lay_out(state, drawn.events(saga), now, zone=UTC),
        events=seeing.events(saga.saga_type, events),
        findings=findings,
        turns=transitions.newest(findings),
    )
    left_out = _left(saga.revision - len(events), "older event")
    return one, left_out + _left(count - len(findings), "older finding")


def _events(saga: Saga) -> list[Event]:
    found = Event.objects.filter(saga=saga).select_related("participant")
    kept, size = [], 0
    for event in found.order_by("-time", "-source", "-sequence", "-event_id")[:MOST_EVENTS].iterator(500):
        size += len(event.data or "")
        if size > MOST_PAYLOADS:
            break
        kept.append(event)
    return kept[::-1]


def _batches(repairs: Iterable[Repair], seeing: Seeing) -> list[OneBatch]:
    """Those that the repairs are part of: what people agreed to."""
    keys = {repair.batch_id for repair in repairs if repair.batch_id}
    return [_batch(batch, seeing) for batch in Batch.objects.filter(pk__in=keys).order_by("pk")]


def _batch(batch: Batch, seeing: Seeing) -> OneBatch:
    return OneBatch(
        batch=seeing.batch(batch),
        requirement=policy.read(batch.requirement),
        recent=demands.recent_of(batch),
        reviews=list(batch.reviews.order_by("at", "pk")),
        so_far=progress(batch),
    )


def _of_batch(batch: Batch) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(object_kind="batch", object_id=str(batch))


def _of_problems(one: OneSaga) -> list[QuerySet[AuditEntry]]:
    """Findings of the saga that were accepted with others: those entries name the problem, not the saga."""
    accepted = [
        finding
        for finding in one.findings
        if any(turn.what == Transition.What.ACCEPTED for turn in one.turns[finding.pk])
    ]
    if not accepted:
        return []
    named = {str(finding.problem_id) for finding in accepted}
    entries = AuditEntry.objects.filter(object_kind="problem", object_id__in=named, action="problem.accepted")
    about = [Q(after__findings__contains=[finding.pk]) for finding in accepted]
    return [entries.filter(reduce(or_, about))]


def _entries(several: Sequence[QuerySet[AuditEntry]], seeing: Seeing) -> tuple[list[Written], list[str]]:
    """What any of these finds, oldest first. Each by an index of its own, which one query would not use."""
    found: dict[int, AuditEntry] = {}
    for each in several:
        rows = each.select_related("saga").defer("saga__facts").order_by("-sequence")
        found |= {row.sequence: row for row in rows[: MOST_ENTRIES + 1]}
    newest = sorted(found)[-MOST_ENTRIES:]
    entries = []
    for row in (found[sequence] for sequence in newest):
        content, clear = audit.content(seeing.entry(row)), audit.content(row)
        entries.append(Written(content, is_masked=content != clear))
    more = ["Older entries of the audit log."] if len(found) > len(newest) else []
    return entries, more


def _left(count: int, what: str) -> list[str]:
    return [f"{count:,} {what}{'' if count == 1 else 's'}."] if count > 0 else []
