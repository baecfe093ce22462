"""What a saga's timeline is drawn from, on its page and in its case file."""

from sagas import facts
from sagas.facts import Observed
from sagas.models import Event, Saga
from sagas.vocabulary import Kind

# The newest events; all are in the list below the drawing.
MOST = 2000


def events(saga: Saga) -> list[Observed]:
    """What the timeline needs of the newest events."""
    rows = (
        Event.objects.filter(saga=saga)
        .order_by("-time", "-source", "-event_id")
        .values_list(
            "source",
            "event_id",
            "kind",
            "time",
            "time_given",
            "step",
            "execution",
            "attempt",
            "sequence",
            "participant__name",
        )[:MOST]
    )
    return [
        Observed(
            source=source,
            event_id=event_id,
            kind=Kind(kind),
            time=facts.microseconds(time),
            time_given=given,
            step=step,
            execution=execution,
            attempt=attempt or 0,
            sequence=sequence,
            participant=participant or "",
        )
        for source, event_id, kind, time, given, step, execution, attempt, sequence, participant in rows
    ]
