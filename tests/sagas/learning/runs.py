"""Sagas of which each second is known, for tests about how long things take."""

from datetime import datetime, timedelta

from sagas import ingest
from sagas.events import Incoming
from sagas.models import Participant, Saga
from sagas.vocabulary import Kind

TYPE = "parcel"


def event(number: int, kind: Kind, at: datetime | None, **more: str) -> Incoming:
    given = {"source": "shop", "saga_id": "p-1", "step": "", "execution": ""} | more
    return Incoming(
        source=given["source"],
        id=str(number),
        kind=kind,
        saga_type=TYPE,
        saga_id=given["saga_id"],
        step=given["step"],
        execution=given["execution"],
        time=at,
    )


def whole(saga_id: str, took: float, ended: datetime, step: str = "pack") -> list[Incoming]:
    """A saga of one step that took so many seconds and ended then."""
    begun = ended - timedelta(seconds=took)
    return [
        event(1, Kind.SAGA_STARTED, begun - timedelta(seconds=1), saga_id=saga_id),
        event(2, Kind.STEP_STARTED, begun, saga_id=saga_id, step=step),
        event(3, Kind.STEP_COMPLETED, ended, saga_id=saga_id, step=step),
        event(4, Kind.SAGA_COMPLETED, ended + timedelta(milliseconds=1), saga_id=saga_id),
    ]


def store(events: list[Incoming], now: datetime) -> Saga:
    participant, _ = Participant.objects.get_or_create(name="shop")
    results = ingest.store(events, participant=participant, now=now)
    return Saga.objects.get(pk=results[0].saga_pk)
