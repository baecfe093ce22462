"""Whose word ends what was sent: the owner's of the step, that of who drives the saga, and no other's."""

from datetime import timedelta

import pytest
from django.utils import timezone

from compensation import evidence, executor, recovery, witnesses
from compensation.evidence import Confirmed, Denied
from compensation.models import Repair
from sagas import facts, fold
from sagas.facts import Facts
from sagas.fold import State
from tests.compensation.participants import Reply
from tests.compensation.shop import DONE, Shop, actions, start, states, work
from tests.compensation.stories import SHOP
from tests.sagas.saying import say

Intent = Repair.Intent


def derived(*told: tuple[str, str]) -> State:
    """Who says what, ten seconds after what was said before."""
    words = [(by, word) for by, several in told for word in several.split()]
    events = [
        next(iter(say(f"{'saga.note ' * place}{word}", source=by)[place:]))
        for place, (by, word) in enumerate(words)
    ]
    known = facts.merge(Facts(), events)
    return fold.derive(known, SHOP, facts.moment(events[-1].time) + timedelta(hours=1))


@pytest.mark.parametrize(
    ("by", "does"),
    [("payment", True), ("amends", True), ("engine", True), ("mail", False), ("shop", False)],
)
def test_an_owner_of_other_steps_only_has_no_say(by: str, does: bool):
    state = derived(("payment", "charge:C"), (by, "charge:K+"))
    assert witnesses.counts(state, "charge", by) == does
    run = evidence.find_run(state, "charge", "")
    assert isinstance(evidence.confirmation("compensate", state, "charge", run), Confirmed) == does


def test_who_owns_a_step_and_drives_the_saga_has_a_say():
    state = derived(("shop", "saga.started check:C"), ("payment", "charge:C"), ("shop", "charge:K+"))
    run = evidence.find_run(state, "charge", "")
    assert isinstance(evidence.confirmation("compensate", state, "charge", run), Confirmed)


@pytest.mark.parametrize(
    ("kind", "told", "by"),
    [
        ("compensate", [("payment", "charge:C charge:K+"), ("mail", "charge:K+")], "payment"),
        # What the owner undid was done once more, and only another says that this was undone, too.
        ("compensate", [("payment", "charge:C charge:K+ charge:C"), ("mail", "charge:K+")], ""),
        ("retry_step", [("payment", "charge:C"), ("mail", "charge:C")], "payment"),
        ("retry_step", [("payment", "charge:C charge:S"), ("mail", "charge:C")], ""),
    ],
)
def test_another_voice_takes_nothing_from_the_owners(kind: str, told: list[tuple[str, str]], by: str):
    state = derived(*told)
    found = evidence.confirmation(kind, state, "charge", evidence.find_run(state, "charge", ""))
    assert (found.moment.source if found and found.moment else "") == by


@pytest.mark.parametrize(("by", "does"), [("payment", True), ("mail", False)])
def test_a_denial_is_the_owners(by: str, does: bool):
    state = derived(("payment", "charge:C charge:KS"), (by, "charge:K-"))
    run = evidence.find_run(state, "charge", "")
    assert isinstance(evidence.denial("compensate", state, "charge", run), Denied) == does


@pytest.mark.parametrize(("by", "does"), [("payment", True), ("mail", False)])
def test_that_nothing_was_done_is_the_owners_word(by: str, does: bool):
    state = derived(("payment", "charge:S"), (by, "charge:F"))
    found = evidence.before_sending("compensate", state, "charge", "")
    assert isinstance(found, Confirmed) == does


def test_a_foreign_word_confirms_nothing_and_the_participant_is_asked(shop: Shop):
    repair = start(saga := shop.saga(DONE), Intent.COMPENSATE, "charge")
    shop.served.will(Reply(202, ""), Reply(200, {"outcome": "completed"}))
    executor.execute(actions(repair)[0].pk)
    shop.tell(saga.saga_id, "charge:KS charge:K+", by="mail")
    recovery.recover()
    assert states(repair) == ["awaiting"]
    recovery.recover(timezone.now() + timedelta(seconds=31))
    assert work(repair).state == "stopped"
    assert [received.method for received in shop.served.received] == ["POST", "GET"]


def test_a_foreign_word_takes_back_nothing(shop: Shop):
    repair = start(saga := shop.saga(DONE), Intent.COMPENSATE, "charge")
    shop.served.will(Reply(202, ""))
    executor.execute(actions(repair)[0].pk)
    shop.tell(saga.saga_id, "charge:K-", by="mail")
    recovery.recover()
    assert states(repair) == ["awaiting"]
    shop.tell(saga.saga_id, "charge:K+")
    recovery.recover()
    assert states(repair) == ["done"]
