"""What Amends itself records about a saga: the timeline shows it in its place, and the fold counts it."""

from datetime import datetime
from typing import Any

import msgspec

from sagas.events import OURSELVES, Incoming
from sagas.models import Saga
from sagas.vocabulary import Kind

# Numbers of a participant's answer keep all their digits.
_encoder = msgspec.json.Encoder(decimal_format="number")


def incoming(
    saga: Saga,
    kind: Kind,
    event_id: str,
    time: datetime,
    data: dict[str, Any],
    *,
    step: str = "",
    execution: str = "",
) -> Incoming:
    """One event, to be stored in the transaction of the act. The same `event_id` again changes nothing.

    `time` may be ahead of now, where it follows something that a participant's fast clock has stamped.
    """
    return Incoming(
        source=OURSELVES,
        id=event_id,
        kind=kind,
        saga_type=saga.saga_type,
        saga_id=saga.saga_id,
        step=step,
        execution=execution,
        time=time,
        data=_encoder.encode(data).decode(),
    )
