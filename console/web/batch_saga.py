"""One saga of a batch that has not begun: what has changed since it was planned, for another look."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from compensation.batches import kinds, moved
from compensation.comparing import How
from compensation.models import BatchSaga
from console.permissions import Act
from console.seeing import Seeing
from console.web import frame
from console.web.guard import needs

# How each action is marked, and what is said of it.
MARKS = {
    How.ADDED: ("+", "info", "would be done, too"),
    How.REMOVED: ("−", "warn", "would not be done any more"),
    How.CHANGED: ("≠", "warn", "would be done in another way"),
    How.SAME: ("=", "quiet", "as it was planned"),
}


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest, pk: int, position: int) -> HttpResponse:
    one = find(pk, position)
    seen, seeing, saga_type = moved.look(one, timezone.now()), Seeing(), one.saga.saga_type
    differences = seeing.differences(saga_type, seen.differences)
    (row,) = seeing.batch_sagas([one])
    return frame.show(
        request,
        "batches/saga.html",
        {
            "batch": one.batch,
            "one": row,
            "saga": one.saga,
            "look": seen,
            "differences": [(each, *MARKS[each.how]) for each in differences],
            "plan": seeing.plan(saga_type, seen.now),
            "warnings": warnings(seen, seeing.plan(saga_type, seen.now).warnings),
            "planned": [kinds.read(text) for text in one.actions],
        },
    )


def warnings(seen: moved.Look, shown: tuple[str, ...]) -> list[str]:
    """Those that are new."""
    known = seen.then.warnings if seen.then else ()
    return [text for text, clear in zip(shown, seen.now.warnings, strict=True) if clear not in known]


def find(pk: int, position: int) -> BatchSaga:
    """With its batch and its saga. Raises Http404, also where there is nothing to be looked at again."""
    rows = BatchSaga.objects.select_related("batch", "saga", "saga__definition")
    one = rows.filter(batch=pk, position=position).first()
    if one is None:
        raise Http404(f"B-{pk} has no saga {position}.")
    if one.state not in moved.OPEN:
        raise Http404(f"Saga {position} of B-{pk} does not wait for another look.")
    return one
