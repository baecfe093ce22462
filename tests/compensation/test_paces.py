"""How much of Amends a participant bears, as an admin says."""

import pytest

from compensation import paces
from compensation.batches import waves
from compensation.models import Pace
from compensation.paces import PaceError
from sagas.models import AuditEntry, Participant
from tests.compensation.shop import ANNA, Shop
from tests.compensation.test_batches import CHARGED, planned


def test_a_pace_is_chosen_audited_and_kept_to(shop: Shop) -> None:
    payment = Participant.objects.get(name="payment")
    batch = planned(shop, [shop.saga(CHARGED)])
    (lane,) = waves.lanes_of(batch.pk).values()
    assert (lane.at_once, lane.per_second) == (paces.USUAL, None)
    for _ in range(2):
        paces.choose(payment, ANNA, *paces.read(" 4 ", "2.5"))
    (lane,) = waves.lanes_of(batch.pk).values()
    assert (lane.at_once, lane.per_second) == (4, 2.5)
    entry = AuditEntry.objects.get(action="participant.pace_chosen")
    assert entry.before == {"at_once": 16, "per_second": None}
    assert entry.after == {"at_once": 4, "per_second": 2.5}
    paces.choose(payment, ANNA, *paces.read("4", ""))
    assert Pace.objects.get().per_second is None


@pytest.mark.parametrize(
    ("at_once", "per_second"),
    [
        ("0", ""),
        ("257", ""),
        ("", ""),
        ("two", ""),
        ("\u0664", ""),
        ("4", "0"),
        ("4", "nan"),
        ("4", "1e9"),
        ("4", "x"),
    ],
)
def test_what_is_no_pace_is_refused(at_once: str, per_second: str) -> None:
    with pytest.raises(PaceError):
        paces.read(at_once, per_second)
