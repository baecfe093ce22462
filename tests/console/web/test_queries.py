"""How many queries each page takes, with one row as with many. A changed number is to be looked at."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from console.web import attention
from sagas import participants
from sagas.models import Delivery
from sagas.vocabulary import Code
from tests.console.cast import Person
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

# Session, user, roles and the two badges are five of each.
BASELINES = {
    "/": 26,
    "/?open={problem}": 28,
    "/problems/{problem}/": 24,
    "/problems/{problem}/accept": 9,
    "/sagas/order-fulfilment/order-8492/findings/{finding}/accept": 8,
    "/sagas/": 9,
    "/sagas/?q=o&status=running": 11,
    "/repairs/": 9,
    "/participants/": 9,
    "/participants/shipping/": 15,
    "/definitions/": 11,
    "/definitions/order-fulfilment/3/": 8,
    "/definitions/order-fulfilment/3/?with=3": 8,
    "/definitions/seen/?type=order-fulfilment": 7,
    "/trials/": 7,
    "/trials/{trial}/": 8,
    "/quarantine/": 10,
    "/quarantine/replays/{replay}/": 7,
    "/quarantine/{quarantined}/": 6,
    "/audit/": 9,
    "/account/tokens/": 6,
    "/account/hearing/": 8,
    "/alerts/": 9,
    "/alerts/silences/": 6,
    "/system/": 6,
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
