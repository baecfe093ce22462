"""A case as JSON values, one a file, of the shapes that the API has (docs/case-files.md)."""

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from rest_framework import serializers

from compensation.batches import kinds
from compensation.models import BatchSaga
from console.api.batch_shapes import BatchDetailOut
from console.api.findings import FindingOut
from console.api.repairs import RepairDetailOut
from console.api.saga_events import EventOut
from console.api.sagas import SagaDetailOut
from console.casefiles.case import Case, Many, OneSaga
from sagas import story
from sagas.standing import Standing
from verifier import archive, plans


class EventFileOut(EventOut):
    """`data` is the payload's text to the letter, as a text: whoever reads it sees what was sent."""

    data = serializers.CharField(allow_null=True)  # type: ignore[assignment]  # in place of the JSON itself


class SagaFileOut(SagaDetailOut):
    findings = None  # type: ignore[assignment]  # are a file of their own


class BatchFileOut(BatchDetailOut):
    why_you_may_not_agree = None  # type: ignore[assignment]  # nobody agrees to a file


def files(case: Case) -> dict[str, Any]:
    """By name."""
    found: dict[str, Any] = {archive.ENTRIES: [dict(entry.content) for entry in case.entries]}
    if case.one:
        found |= _of_saga(case.one)
    if case.repairs or case.kind != "batch":
        found["repairs.json"] = RepairDetailOut(case.repairs, many=True).data  # type: ignore[arg-type]  # many
    if case.many:
        found[plans.BATCH] = BatchFileOut(case.batches[0].batch).data
        found[plans.SAGAS] = _of_many(case.many)
    elif case.batches:
        found["batches.json"] = [BatchFileOut(one.batch).data for one in case.batches]
    return found


def _of_saga(one: OneSaga) -> dict[str, Any]:
    standing = Standing(one.state, one.definition)
    findings = FindingOut(one.findings, many=True, context={"turns": one.turns})  # type: ignore[arg-type]  # many
    return {
        "saga.json": {
            **SagaFileOut(one.saga, context={"standing": standing}).data,
            "story": story.plain(one.story),
        },
        "timeline.json": [
            {
                "at": sentence.at.astimezone(UTC).isoformat() if sentence.time else None,
                "participant": sentence.participant,
                "text": sentence.text,
                "event": dict(zip(("source", "id"), sentence.event, strict=True)) if sentence.time else None,
            }
            for sentence in one.timeline.sentences
        ],
        "events.json": EventFileOut(one.events, many=True).data,  # type: ignore[arg-type]  # many
        "findings.json": findings.data,
    }


def _of_many(many: Many) -> dict[str, Any]:
    return {"is_whole": many.is_whole, "sagas": list(_lines(many.sagas))}


def _lines(sagas: Iterable[BatchSaga]) -> Iterable[dict[str, Any]]:
    """As the API has them; written by hand, as there may be 100,000."""
    for one in sagas:
        yield {
            "position": one.position,
            "saga": {"type": one.saga.saga_type, "id": one.saga.saga_id},
            "state": one.state,
            "code": one.code,
            "why": one.why,
            "revision": one.revision,
            "plan_hash": one.plan_hash,
            "actions": [kinds.read(text)._asdict() for text in one.actions],
            "warnings": one.warnings,
            "past_pivot": one.past_pivot,
            "stake": None if one.stake is None else {"amount": str(one.stake), "currency": one.currency},
            "repair": {"name": str(one.repair), "state": one.repair.state} if one.repair else None,
        }
