"""Four eyes: whoever must agree is asked, and nothing is started, or sent, before they did."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from compensation import recovery, repairs
from compensation.batches import agreeing, deciding, demands
from compensation.batches.refusals import (
    ExpiredError,
    MayNotAgreeError,
    NotAgreedError,
    NotAskedError,
    NotSoError,
    OtherPlanError,
)
from compensation.models import Batch, Repair
from compensation.refusals import AgreementMissingError, ReasonMissingError
from sagas.audit import Actor
from sagas.definitions import loading
from sagas.models import Alert, AuditEntry, Delivery, Preferences
from tests.compensation.shop import ANNA, Shop
from tests.compensation.stories import SHOP_YAML
from tests.compensation.test_batches import CHARGED, planned, run

State = Batch.State
PAST = "saga.started check:C reserve:S reserve:C charge:S charge:C ship:S ship:C"
CARL = Actor("person", "carl")


@pytest.fixture(autouse=True)
def default_policy(request: pytest.FixtureRequest) -> None:
    """New sagas are of a version that leaves it to the default policy who must agree."""
    request.getfixturevalue("open_shop" if "open_shop" in request.fixturenames else "shop")
    text = SHOP_YAML.replace('version: "1"', 'version: "2"').replace("approval: []\n", "")
    loading.load(text, "shop.yaml", Actor.system())


def person(name: str, *groups: str) -> User:
    user = User.objects.create_user(name)
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return user


def past_pivot(shop: Shop) -> Batch:
    """By the built-in policy one approver or admin has to agree."""
    batch = planned(shop, [shop.saga(PAST)], step="")
    assert batch.state == State.PLANNED and batch.requirement
    return batch


def untouched(shop: Shop, batch: Batch) -> bool:
    batch.refresh_from_db()
    return not Repair.objects.exists() and not shop.served.received and batch.started_at is None


def test_what_needs_nobodys_agreement_is_started_by_whoever_planned_it(shop: Shop) -> None:
    batch = planned(shop, [shop.saga(CHARGED)])
    assert batch.requirement is None and demands.missing(batch) == ""
    with pytest.raises(NotAskedError):
        agreeing.ask(batch, batch.plan_hash, ANNA)
    assert deciding.start(batch, batch.plan_hash, ANNA).state == State.RUNNING


def test_those_who_must_agree_are_told(shop: Shop, settings: Any) -> None:
    settings.ALERT_EMAIL_TO = ["approvers@shop.example"]
    batch = past_pivot(shop)
    with pytest.raises(OtherPlanError):
        agreeing.ask(batch, "0" * 64, ANNA)
    assert not Alert.objects.exists()
    agreeing.ask(batch, batch.plan_hash, ANNA)
    (delivery,) = Delivery.objects.all()
    told = delivery.alert.summary
    assert (delivery.target, told["occasion"]) == ("approvers@shop.example", "notice")
    assert told["title"] == f"{batch} waits for agreement: compensate 1 saga"
    assert told["explanation"] == "anna planned it: OPS-7"
    assert told["link"].endswith(f"/batches/{batch.pk}/")
    assert "1 person of the group approver or admin" in told["lines"][-1]


def test_what_must_be_agreed_to_is_not_started_before(shop: Shop) -> None:
    batch = past_pivot(shop)
    with pytest.raises(NotAgreedError):
        deciding.start(batch, batch.plan_hash, ANNA)
    asked = agreeing.ask(batch, batch.plan_hash, ANNA)
    with pytest.raises(NotSoError):
        deciding.start(asked, batch.plan_hash, ANNA)
    assert untouched(shop, batch)


def test_somebody_else_agrees_and_then_it_is_started(open_shop: Shop) -> None:
    batch = past_pivot(open_shop)
    carl = person("carl", "approver")
    agreeing.ask(batch, batch.plan_hash, ANNA)
    assert agreeing.why_not(agreeing.agree(batch, batch.plan_hash, CARL, carl, "looked at it"), carl)
    batch.refresh_from_db()
    assert batch.state == State.AGREED
    batch = run(deciding.start(batch, batch.plan_hash, ANNA))
    assert batch.state == State.DONE and open_shop.served.done
    review = batch.reviews.get()
    assert (review.by_name, review.groups, review.note) == ("carl", ["approver"], "looked at it")
    entry = AuditEntry.objects.get(action="batch.agreed")
    assert entry.actor == "carl" and entry.after["plan_hash"] == batch.plan_hash


@pytest.mark.parametrize("groups", [(), ("viewer",), ("operator",)])
def test_who_is_in_none_of_the_groups_cannot_agree(shop: Shop, groups: tuple[str, ...]) -> None:
    batch = agreeing.ask(past_pivot(shop), Batch.objects.get().plan_hash, ANNA)
    with pytest.raises(MayNotAgreeError, match="admin or approver"):
        agreeing.agree(batch, batch.plan_hash, CARL, person("carl", *groups))
    batch.refresh_from_db()
    assert batch.state == State.ASKING and not batch.reviews.exists() and untouched(shop, batch)


@pytest.mark.parametrize("group", ["approver", "admin"])
def test_whoever_planned_it_never_agrees_to_it(shop: Shop, group: str) -> None:
    shop.anna.groups.add(Group.objects.get_or_create(name=group)[0])
    batch = past_pivot(shop)
    agreeing.ask(batch, batch.plan_hash, ANNA)
    for act in (agreeing.agree, agreeing.deny):
        with pytest.raises(MayNotAgreeError, match="You planned it"):
            act(batch, batch.plan_hash, ANNA, shop.anna, "fine")
    batch.refresh_from_db()
    assert batch.state == State.ASKING and untouched(shop, batch)


def test_only_the_plan_that_was_looked_at_is_agreed_to_and_only_once(shop: Shop) -> None:
    batch = past_pivot(shop)
    agreeing.ask(batch, batch.plan_hash, ANNA)
    carl = person("carl", "admin")
    with pytest.raises(OtherPlanError):
        agreeing.agree(batch, "0" * 64, CARL, carl)
    agreeing.agree(batch, batch.plan_hash, CARL, carl)
    with pytest.raises(NotSoError):
        agreeing.agree(batch, batch.plan_hash, CARL, carl)


def test_a_no_needs_a_reason_and_gives_it_back(shop: Shop) -> None:
    batch = past_pivot(shop)
    agreeing.ask(batch, batch.plan_hash, ANNA)
    carl = person("carl", "approver")
    with pytest.raises(ReasonMissingError):
        agreeing.deny(batch, batch.plan_hash, CARL, carl, " ")
    batch = agreeing.deny(batch, batch.plan_hash, CARL, carl, "the parcels are out")
    assert (batch.state, batch.because) == (State.PLANNED, "carl did not agree: the parcels are out")
    # Asked again, carl may think again.
    agreeing.ask(batch, batch.plan_hash, ANNA)
    agreeing.agree(batch, batch.plan_hash, CARL, carl)
    assert Batch.objects.get().state == State.AGREED


def test_an_agreement_expires(shop: Shop) -> None:
    batch = past_pivot(shop)
    agreeing.ask(batch, batch.plan_hash, ANNA)
    later = timezone.now() + timedelta(days=2)
    with pytest.raises(ExpiredError):
        agreeing.agree(batch, batch.plan_hash, CARL, person("carl", "approver"), now=later)
    assert recovery.recover(later) == 1
    batch.refresh_from_db()
    assert batch.state == State.PLANNED and "is over" in batch.because
    assert AuditEntry.objects.filter(action="batch.expired").count() == 1


def test_glass_is_broken_with_a_reason_that_stays(shop: Shop) -> None:
    batch = past_pivot(shop)
    with pytest.raises(ReasonMissingError):
        agreeing.break_glass(batch, batch.plan_hash, CARL, "")
    batch = agreeing.break_glass(batch, batch.plan_hash, CARL, "nobody answers, parcels leave at four")
    assert batch.state == State.RUNNING
    assert batch.broken_glass == "carl: nobody answers, parcels leave at four"
    entry = AuditEntry.objects.get(action="batch.glass_broken")
    assert "approver or" in entry.after["who_should_have"]


def test_a_single_repair_that_must_be_agreed_to_is_not_one_click(shop: Shop) -> None:
    saga = shop.saga(PAST)
    seen = repairs.preview(saga, "compensate")
    assert seen.requirement and seen.requirement.approvers == 1
    with pytest.raises(AgreementMissingError, match="point of no return"):
        repairs.start(saga, "compensate", "", "OPS-1", seen.revision, seen.hash, ANNA, shop.anna)
    assert not Repair.objects.exists() and not AuditEntry.objects.filter(action="repair.started").exists()
    assert repairs.preview(shop.saga(CHARGED), "compensate", "charge").requirement is None


def test_those_who_may_agree_are_told_where_mail_reaches_them(shop: Shop) -> None:
    carl, dora = person("carl", "approver"), person("dora", "operator")
    for one in (carl, dora, shop.anna):
        Preferences.objects.create(user=one, mail=f"{one.username}@shop.example")
    shop.anna.groups.add(Group.objects.get(name="approver"))
    batch = past_pivot(shop)
    agreeing.ask(batch, batch.plan_hash, ANNA)
    told = Delivery.objects.filter(channel__name="PEOPLE").values_list("target", flat=True)
    assert list(told) == ["carl@shop.example"]
