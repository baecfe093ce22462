"""What people see of sagas: all with the masks in force, whoever looks. The one place that decides.

Pages and API hand rows in here on their way out, and show what comes back: copies, for showing alone. The
clear form has to be asked for, by somebody who may (`unmask`), and asking is what the audit log keeps.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

import msgspec
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, Q
from django.http import HttpRequest
from rest_framework.request import Request

from compensation import masking as repair_masks
from compensation import plan as plans
from compensation.comparing import Difference
from compensation.models import ActionAttempt, Batch, BatchSaga, Pace, Repair, RepairAction
from compensation.plan import Plan
from console import actors
from console.permissions import Act, may, refusal
from sagas import acceptance, audit, masking
from sagas.events import Reason
from sagas.events.mapping import Tried
from sagas.fold import State
from sagas.masking import MASK, NOTHING, Masks
from sagas.masking.kept import kept
from sagas.models import AuditEntry, Definition, Event, Finding, Problem, Quarantined, Saga, SagaKey

# In place of what a mapping says that failed: it quotes what it failed on.
FAILED = f"A mapping could not take it: {MASK}"

Row = TypeVar("Row", bound=Model)
# Requests as they were sent, each with how it is shown.
Sent = Sequence[tuple[Mapping[str, str], Mapping[str, str]]]


class Seeing:
    """What one answer shows; the masks are those in force when it first needs them."""

    @cached_property
    def _in_force(self) -> Mapping[str, Masks]:
        return masking.in_force()

    def masks(self, saga_type: str) -> Masks:
        return self._in_force.get(saga_type, NOTHING)

    def state(self, saga: Saga, state: State) -> State:
        return self.masks(saga.saga_type).state(state)

    def sagas(self, rows: Iterable[Saga]) -> list[Saga]:
        """Rows of lists; `links`, where it was prefetched, holds their business keys."""
        return [self.saga(row) for row in rows]

    def saga(self, row: Saga) -> Saga:
        shown = _copy(row)
        shown.display = self.masks(row.saga_type).values(row.display)
        if hasattr(row, "links"):
            shown.links = self.keys(row.saga_type, row.links)  # type: ignore[attr-defined]  # prefetched
        return shown

    def keys(self, saga_type: str, rows: Iterable[SagaKey]) -> list[SagaKey]:
        names = self.masks(saga_type).names
        return [_copy(row, value=MASK) if row.name in names else row for row in rows]

    def findings(self, rows: Iterable[Finding]) -> list[Finding]:
        return [self.finding(row) for row in rows]

    def finding(self, row: Finding) -> Finding:
        """With its problem and its saga, where they came with it; `digest` is of what is behind the mask."""
        detail = self.masks(row.saga.saga_type).detail(row.step, row.detail)
        shown = _copy(row, detail=detail, digest=acceptance.of_finding(row))
        shown.saga = self.saga(row.saga)
        if Finding.problem.is_cached(row):
            shown.problem = self.problem(row.problem)
        return shown

    def problems(self, rows: Iterable[Problem]) -> list[Problem]:
        return [self.problem(row) for row in rows]

    def problem(self, row: Problem) -> Problem:
        return _copy(row, explanation=self.masks(row.saga_type).explanation(row.step, row.explanation))

    def events(self, saga_type: str, rows: Iterable[Event]) -> list[Event]:
        return [self.event(saga_type, row) for row in rows]

    def event(self, saga_type: str, row: Event) -> Event:
        masks = self.masks(saga_type)
        # Only what Amends itself recorded is of no participant.
        data = masks.payload(row.data) if row.participant_id else masks.told(row.data)
        return _copy(row, data=data, attributes=masks.attributes(row.attributes))

    def plan(self, saga_type: str, plan: Plan) -> Plan:
        return repair_masks.plan(plan, self.masks(saga_type))

    def differences(self, saga_type: str, found: Iterable[Difference]) -> list[Difference]:
        """That something masked differs is told; how it does is not."""
        masks = self.masks(saga_type)
        if not masks:
            return list(found)
        return [
            replace(
                each,
                action=repair_masks.action(each.action, masks),
                then=each.then and repair_masks.action(each.then, masks),
                now=each.now and repair_masks.action(each.now, masks),
                why=masks.error(each.why),
            )
            for each in found
        ]

    def said(self, text: str) -> str:
        """A participant's word that is told for many sagas: of which type they are, nobody knows any more."""
        status, colon, _ = text.partition(": ")
        return (f"{status}: {MASK}" if colon else MASK) if text and self._in_force else text

    def why(self, text: str) -> str:
        """Why sagas of any type are left alone: it may quote what failed."""
        return MASK if text and any(masks.errors for masks in self._in_force.values()) else text

    def batch(self, row: Batch) -> Batch:
        return _copy(row, summary=self._left_alone(row.summary))

    def batch_sagas(self, rows: Iterable[BatchSaga]) -> list[BatchSaga]:
        return [_copy(row, why=self.masks(row.saga.saga_type).error(row.why)) for row in rows]

    def paces(self, rows: Iterable[Pace]) -> list[Pace]:
        return [_copy(row, because=self.said(row.because)) for row in rows]

    def _left_alone(self, told: Mapping[str, Any]) -> dict[str, Any]:
        left = told.get("left_alone")
        if not left:
            return dict(told)
        return {**told, "left_alone": [{**each, "why": self.why(each["why"])} for each in left]}

    def repair(self, row: Repair) -> Repair:
        """With its plan, its actions and their attempts, which came with it."""
        shown = _copy(row, plan=self.plan(row.saga.saga_type, plans.read(row.plan)).content())
        _put(shown, "actions", [self.action(row.saga.saga_type, action) for action in row.actions.all()])
        return shown

    def action(self, saga_type: str, row: RepairAction) -> RepairAction:
        """With its attempts, which came with it."""
        masks, tries = self.masks(saga_type), list(row.tries.all())
        request = repair_masks.request(row.request, row.kind, row.step, masks)
        question = repair_masks.request(row.question, RepairAction.Kind.ASK, row.step, masks)
        result = repair_masks.result(row.result, masks, [each.answer for each in tries])
        sent = [(row.request, request), (row.question, question)]
        if "detail" in result:
            result["detail"] = _named(result["detail"], sent)
        shown = _copy(row, request=request, question=question, result=result)
        _put(shown, "tries", [_attempt(each, sent, masks) for each in tries])
        return shown

    def entries(self, rows: Iterable[AuditEntry]) -> list[AuditEntry]:
        """Of the audit log, with their sagas: acts of repairs tell of requests and answers."""
        return [self.entry(row) for row in rows]

    def entry(self, row: AuditEntry) -> AuditEntry:
        masks = self.masks(row.saga.saga_type) if row.saga else NOTHING
        if row.object_kind == "batch" and isinstance(row.after, dict):
            return _copy(row, after=self._left_alone(row.after))
        if not masks or not isinstance(row.after, dict):
            return row
        after: dict[str, Any] = dict(row.after)
        if isinstance(after.get("actions"), list):
            after["actions"] = [_planned(action, masks) for action in after["actions"]]
        if isinstance(after.get("result"), dict):
            after["result"] = repair_masks.result(after["result"], masks)
        return _copy(row, after=after)

    def quarantined(self, row: Quarantined) -> Quarantined:
        body = bytes(row.body)
        if self._in_force:
            described = set(Definition.objects.values_list("saga_type", flat=True).distinct())
            body = kept(body, row.saga_types, self._in_force, described)
        return _copy(row, body=body, **self._detail(row))

    def quarantined_rows(self, rows: Iterable[Quarantined]) -> list[Quarantined]:
        """Of a list: without their bodies."""
        return [_copy(row, **self._detail(row)) for row in rows]

    def _detail(self, row: Quarantined) -> dict[str, str]:
        return {"detail": FAILED} if row.reason == Reason.MAPPING_FAILED and self._in_force else {}

    def tried(self, rows: Iterable[Tried]) -> list[Tried]:
        """What became of events in quarantine on which a definition's mappings were tried."""
        return [
            msgspec.structs.replace(row, detail=FAILED)
            if row.reason == Reason.MAPPING_FAILED and self._in_force
            else row
            for row in rows
        ]

    def hidden_keys(self) -> Q | None:
        """Which keys and shown values are masked; None: none are."""
        found = Q()
        for saga_type, masks in self._in_force.items():
            if masks.names:
                found |= Q(saga__saga_type=saga_type, name__in=sorted(masks.names))
        return found or None

    def asked(self, words: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """What somebody has found sagas by, as everybody may see it: a value may be one that is masked."""
        hidden = self._hidden_names()
        shown = {name: list(values) for name, values in words.items()}
        if hidden and "q" in shown:
            shown["q"] = [MASK]
        if "key" in shown:
            keys = [value.partition(":")[0] for value in shown["key"]]
            shown["key"] = [
                f"{key}:{MASK}" if key in hidden else value
                for key, value in zip(keys, shown["key"], strict=True)
            ]
        return shown

    def hides_searches(self) -> bool:
        """Whether what somebody types into a search may be a value that is masked."""
        return bool(self._hidden_names())

    def _hidden_names(self) -> set[str]:
        return {name for masks in self._in_force.values() for name in masks.names}


class Clear(Seeing):
    """Nothing is masked. Only `unmask` gives it away."""

    @cached_property
    def _in_force(self) -> Mapping[str, Masks]:
        return {}


def may_unmask(request: HttpRequest | Request) -> bool:
    return may(request.user, Act.SEE_PAYLOAD)


def unmask(
    request: HttpRequest | Request, object: tuple[str, str], *, saga: Saga | None, after: Any = None
) -> Seeing:
    """See this clearly, once, with an entry in the audit log. Raises PermissionDenied."""
    if not may_unmask(request):
        raise PermissionDenied(refusal(Act.SEE_PAYLOAD))
    with transaction.atomic():
        audit.record(actors.of(request), "payload.unmasked", object, saga=saga, after=after)
    return Clear()


def searchable(request: HttpRequest | Request) -> Q | None:
    """Which keys a person must not find sagas by: a search would tell a masked value bit by bit."""
    return None if may_unmask(request) else Seeing().hidden_keys()


def _attempt(row: ActionAttempt, sent: Sent, masks: Masks) -> ActionAttempt:
    return _copy(row, answer=repair_masks.answer(row.answer, masks), error=_named(row.error, sent))


def _named(text: str, sent: Sent) -> str:
    """With the addresses in it as they are shown."""
    for clear, shown in sent:
        if clear:
            text = text.replace(clear["url"], shown["url"])
    return text


def _planned(action: Mapping[str, Any], masks: Masks) -> dict[str, Any]:
    request = repair_masks.request(action["request"], action["kind"], action["step"], masks)
    return {**action, "request": request}


def _copy(row: Row, **changed: Any) -> Row:
    """So that nobody ever saves a mask."""
    shown = copy.copy(row)
    for name, value in changed.items():
        setattr(shown, name, value)
    return shown


def _put(row: Model, name: str, related: Sequence[Model]) -> None:
    """As if these had been prefetched."""
    known = dict(getattr(row, "_prefetched_objects_cache", {}))
    row._prefetched_objects_cache = known | {name: related}  # type: ignore[attr-defined]  # Django's own
