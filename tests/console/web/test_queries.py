"""How many queries each page takes, with one row as with many. A changed number is to be looked at."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from console.models import SavedView
from console.web import attention
from sagas import participants
from sagas.models import Delivery
from sagas.vocabulary import Code
from tests.console.cast import Person, person
from tests.console.web.scene import (
    ADA,
    DRAFT,
    Scene,
    make_orphan,
    make_problem,
    make_quarantined,
    make_repair,
    make_saga,
    make_trial,
    tell,
)
from tests.console.web.test_who import filled

# Session, user, roles and the three badges are six of each.
BASELINES = {
    "/": 27,
    "/?open={problem}": 29,
    "/problems/{problem}/": 25,
    "/problems/{problem}/accept": 10,
    "/sagas/order-fulfilment/order-8492/findings/{finding}/accept": 9,
    "/sagas/": 11,
    "/sagas/?q=o&status=running": 13,
    "/views/": 7,
    "/repairs/": 9,
    "/participants/": 10,
    "/participants/shipping/": 16,
    "/definitions/": 12,
    "/definitions/order-fulfilment/3/": 9,
    "/definitions/order-fulfilment/3/?with=3": 9,
    "/definitions/seen/?type=order-fulfilment": 8,
    "/trials/": 8,
    "/trials/{trial}/": 9,
    "/quarantine/": 11,
    "/quarantine/replays/{replay}/": 8,
    "/quarantine/{quarantined}/": 7,
    "/audit/": 10,
    "/account/tokens/": 7,
    "/account/hearing/": 9,
    "/alerts/": 10,
    "/alerts/silences/": 7,
    "/system/": 7,
}


def many(scene: Scene) -> None:
    for number in range(12):
        saga = make_saga(
            f"order-{number}", scene.definition, keys={"order": f"o{number}", "customer": f"c{number}"}
        )
        problem = make_problem("is overdue", [saga], code=Code.STEP_OVERDUE, step=f"step-{number}")
        tell(problem, Delivery.State.SENT)
        make_repair(saga)
        other = participants.create(f"service-{number}", ADA)
        participants.issue_key(other, [], ADA)
        participants.issue_key(scene.shipping, [], ADA)
        make_quarantined(other)
        make_quarantined(scene.shipping)
        make_trial(saga, text=DRAFT.replace('version: "4"', f'version: "5.{number}"'))
        SavedView.objects.create(
            owner=person(f"p-{number}").user, name="late", query={"type": "order"}, is_shared=True
        )
        make_orphan(scene.shipping, f"com.shop.type-{number}")


@pytest.mark.parametrize("page", BASELINES)
def test_queries_do_not_grow_with_rows(
    page: str, scene: Scene, viewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "TODAY_KEPT", 3600)
    monkeypatch.setattr(attention, "STAKES_KEPT", 3600)
    address = filled(page, scene)
    viewer.browser.get(address)
    counts = []
    for grow in (lambda scene: None, many):
        grow(scene)
        with CaptureQueriesContext(connection) as queries:
            assert viewer.browser.get(address).status_code == 200
        counts.append(len(queries))
    assert counts == [BASELINES[page]] * 2
