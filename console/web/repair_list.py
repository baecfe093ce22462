"""The list of repairs, newest first: what was decided, by whom, why, and how far it has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from compensation.batches import agreeing
from compensation.models import Repair, RepairAction
from console.permissions import Act, signed_in
from console.web import frame, paging
from console.web.guard import needs


@dataclass(frozen=True)
class Line:
    repair: Repair
    done: int
    total: int


@require_safe
@needs(Act.VIEW)
def show(request: HttpRequest) -> HttpResponse:
    state, is_mine = request.GET.get("state", ""), request.GET.get("by") == "me"
    found = Repair.objects.select_related("saga").defer("plan", "saga__facts")
    if state in Repair.State.values:
        found = found.filter(state=state)
    if is_mine:
        found = found.filter(started_by=request.user.pk)
    page = paging.page(found, request.GET)
    by_me = {"by": "me"} if is_mine else {}
    return frame.show(
        request,
        "repairs/list.html",
        {
            "page": page,
            "lines": with_progress(page.rows),
            "waiting": agreeing.waiting_for(signed_in(request), paging.USUAL),
            "state": state,
            "states": [(word, urlencode({"state": word} | by_me)) for word in Repair.State.values],
            "is_mine": is_mine,
            "mine_query": urlencode(({"state": state} if state else {}) | ({} if is_mine else {"by": "me"})),
            "all_query": urlencode(by_me),
        },
    )


def with_progress(repairs: Sequence[Repair]) -> list[Line]:
    """How many of each repair's actions are confirmed."""
    of_each = RepairAction.objects.filter(repair__in=repairs).order_by().values("repair")
    counted = of_each.annotate(total=Count("pk"), done=Count("pk", filter=Q(state=RepairAction.State.DONE)))
    progress = {row["repair"]: (row["done"], row["total"]) for row in counted}
    return [Line(repair, *progress.get(repair.pk, (0, 0))) for repair in repairs]
