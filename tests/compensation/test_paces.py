"""How much of Amends a participant bears, as an admin says."""

import itertools
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from compensation import paces
from compensation.batches import waves
from compensation.batches.lanes import Lane
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


def test_all_runners_together_keep_a_pace(shop: Shop) -> None:
    """Also one after the other: what one has taken is gone for the next."""
    payment = Participant.objects.get(name="payment")
    Pace.objects.create(participant=payment, per_second=5.0, at_once=4)
    first, second, third = (Lane("payment", 5.0, 4) for _ in range(3))
    begun = time.monotonic()
    assert waves.reserve(first) and waves.reserve(second)
    # By so much the clocks of two runners may differ: what a time takes from the database to here.
    took = time.monotonic() - begun
    times = sorted([*first._due, *second._due])
    assert len(times) == 10
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses == pytest.approx([0.2] * 9, abs=took)
    # The next would have to wait for longer than a claim should.
    assert not waves.reserve(third)
    assert waves.reserve(first)
    Pace.objects.update(next_at=timezone.now() - timedelta(hours=1))
    begun = time.monotonic()
    assert waves.reserve(third)
    assert begun < min(third._due) < time.monotonic()
