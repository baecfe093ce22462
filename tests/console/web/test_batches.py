"""The pages of a repair of many sagas: planned, agreed to by somebody else, run, paused, read."""

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from compensation.batches import planning, runner
from compensation.models import Batch, Repair
from console.permissions import Role
from sagas.audit import Actor
from sagas.definitions import loading
from sagas.models import AuditEntry, Participant
from tests.compensation.participants import Reply, serving
from tests.compensation.shop import Shop
from tests.compensation.stories import SHOP_YAML
from tests.console.cast import Person, person

DONE = "saga.started check:C reserve:S reserve:C charge:S charge:C"
PAST = f"{DONE} ship:S ship:C"
FORM = {"type": "order", "intent": "compensate", "reason": "OPS-7", "canary": "0", "most_failures": "5"}


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    with serving() as served:
        yield Shop(served)


@pytest.fixture
def open_shop(transactional_db: None) -> Iterator[Shop]:
    with serving() as served:
        yield Shop(served)


def plan(who: Person, **more: str) -> Batch:
    """Fill the form in and press its button; a worker plans."""
    answer = who.browser.post(reverse("batch_new"), FORM | more)
    assert answer.status_code == 303, answer.content.decode()
    batch = Batch.objects.latest("pk")
    assert answer["Location"] == reverse("batch", args=[batch.pk])
    planning.plan(batch.pk)
    batch.refresh_from_db()
    return batch


def press(who: Person, batch: Batch, button: str, **more: str):
    return who.browser.post(f"/batches/{batch.pk}/{button}", {"plan_hash": batch.plan_hash, **more})


def page(who: Person, batch: Batch, query: str = "") -> str:
    answer = who.browser.get(f"/batches/{batch.pk}/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def by_default_policy() -> None:
    text = SHOP_YAML.replace('version: "1"', 'version: "2"').replace("approval: []\n", "")
    loading.load(text, "shop.yaml", Actor.system())


def test_whoever_plans_and_whoever_agrees_see_what_was_counted(shop: Shop, operator: Person) -> None:
    text = SHOP_YAML.replace("approval: []", "approval: [{when: cumulative.count > 1, because: too many}]")
    loading.load(text.replace('version: "1"', 'version: "2"'), "shop.yaml", Actor.system())
    shop.saga(DONE)
    first, second = (plan(operator, step="charge") for _ in range(2))
    first.sagas.update(saga=shop.saga(DONE))
    assert press(operator, first, "start").status_code == 303
    answer = press(operator, second, "start")
    counted = "Counted with it: 1 other saga, which otto began to repair in the last 24 h"
    html = answer.content.decode()
    assert answer.status_code == 409 and "Others must agree to" in html and "Put it to others" in html
    assert "of late, others must agree before it is started" in html and counted in html
    assert counted in page(person("carl", Role.APPROVER), second)
    address = f"/sagas/order/{shop.saga(DONE).saga_id}/repair?intent=compensate&step=charge"
    html = operator.browser.get(address).content.decode()
    assert f"too many {counted}" in html and "Plan it, then ask others…" in html


def test_one_person_plans_and_starts_what_needs_nobody(open_shop: Shop, operator: Person) -> None:
    for _ in range(3):
        open_shop.saga(DONE)
    batch = plan(operator, step="charge")
    shown = page(operator, batch)
    assert "3 × Compensate “charge”" in shown and "nothing has been sent yet" in shown
    assert "Who must agree" not in shown and not open_shop.served.received
    assert press(operator, batch, "start").status_code == 303
    runner.run(batch.pk)
    shown = page(operator, batch)
    assert "<b>3</b> confirmed" in shown and "3 of 3" in shown
    assert page(operator, batch, "?sagas=begun").count('id="saga-') == 3
    assert "None." in page(operator, batch, "?sagas=dropped")
    linking = ("/batches/", f"/repairs/{Repair.objects.earliest('pk').pk}/")
    for where in linking:
        assert f'href="/batches/{batch.pk}/"' in operator.browser.get(where).content.decode()


def test_somebody_else_agrees_from_the_inbox(open_shop: Shop, operator: Person) -> None:
    by_default_policy()
    open_shop.saga(PAST)
    approver = person("carl", Role.APPROVER)
    batch = plan(operator)
    assert "Nobody has been asked yet." in page(operator, batch)
    assert press(operator, batch, "start").status_code == 409
    press(operator, batch, "ask")
    for where in ("/batches/", "/repairs/"):
        assert f"B-{batch.pk} waits for you to agree" in approver.browser.get(where).content.decode()
    badge = re.compile(r'id="badge-repairs"[^>]*><span class="badge">1<')
    assert badge.search(approver.browser.get("/").content.decode())
    assert not badge.search(operator.browser.get("/").content.decode())
    assert "waits for you" not in operator.browser.get("/batches/").content.decode()
    assert "Agree to this plan" in page(approver, batch) and "Agree to this plan" not in page(operator, batch)
    assert press(approver, batch, "agree", reason="looked at it").status_code == 303
    shown = page(operator, batch)
    assert "Agreed: start it" in shown and "looked at it" in shown
    press(operator, batch, "start")
    runner.run(batch.pk)
    assert Repair.objects.get().state == "done"


def test_the_planner_cannot_agree_whatever_their_role(open_shop: Shop, admin: Person) -> None:
    by_default_policy()
    open_shop.saga(PAST)
    batch = plan(admin)
    press(admin, batch, "ask")
    assert "You planned it, so that somebody else has to agree." in page(admin, batch)
    refused = press(admin, batch, "agree")
    assert refused.status_code == 403 and "You planned it" in refused.content.decode()
    assert not AuditEntry.objects.filter(action="batch.agreed").exists() and not open_shop.served.received


def test_broken_glass_is_shown_for_good(open_shop: Shop, admin: Person, viewer: Person) -> None:
    by_default_policy()
    open_shop.saga(PAST)
    batch = plan(admin)
    assert press(admin, batch, "break-glass").status_code == 409
    press(admin, batch, "break-glass", reason="parcels leave at four")
    shown = page(viewer, batch)
    assert "The glass was broken" in shown and "ada: parcels leave at four" in shown
    assert "Glass broken" in viewer.browser.get("/batches/").content.decode()


def test_a_single_repair_that_others_must_agree_to_becomes_a_batch_of_one(
    open_shop: Shop, operator: Person
) -> None:
    by_default_policy()
    saga = open_shop.saga(PAST)
    address = f"/sagas/order/{saga.saga_id}/repair?intent=compensate"
    shown = operator.browser.get(address)
    assert "Plan it, then ask others…" in shown.content.decode()
    seen = shown.context
    answer = operator.browser.post(
        address,
        {
            "intent": "compensate",
            "reason": "OPS-9",
            "revision": seen["revision"],
            "plan_hash": seen["plan"].hash,
        },
    )
    batch = Batch.objects.get()
    assert answer["Location"] == f"/batches/{batch.pk}/" and not Repair.objects.exists()
    assert [one.saga_id for one in batch.sagas.all()] == [saga.pk]


def test_what_is_missing_is_said_beside_the_field_and_what_was_written_is_kept(
    shop: Shop, operator: Person
) -> None:
    shop.saga(DONE)
    for wrong, says in (
        ({"reason": " "}, "Say why"),
        ({"canary": "many", "reason": "kept as it is"}, "A whole number from 0 to 1,000."),
        ({"most_failures": "101", "reason": "kept as it is"}, "A whole number from 0 to 100."),
        ({"type": "none", "reason": "kept as it is"}, "No saga matches"),
    ):
        answer = operator.browser.post(reverse("batch_new"), FORM | wrong)
        assert answer.status_code == 400 and says in answer.content.decode()
    assert not Batch.objects.exists()


def test_a_button_that_comes_too_late_says_so(shop: Shop, operator: Person) -> None:
    shop.saga(DONE)
    batch = plan(operator)
    assert press(operator, batch, "pause").status_code == 409
    stale = operator.browser.post(f"/batches/{batch.pk}/start", {"plan_hash": "0" * 64})
    assert stale.status_code == 409 and "was planned anew" in stale.content.decode()


def test_sagas_and_problems_lead_to_it(shop: Shop, operator: Person) -> None:
    shop.saga(DONE)
    listed = operator.browser.get("/sagas/?type=order").content.decode()
    assert f'href="/batches/new?{urlencode({"type": "order"})}"' in listed
    assert "type order" in operator.browser.get("/batches/new?type=order").content.decode()


def test_what_has_moved_is_shown_beside_what_was_agreed_to(
    open_shop: Shop, operator: Person, viewer: Person
) -> None:
    saga, other = open_shop.saga(DONE), open_shop.saga(DONE)
    batch = plan(operator)
    address = f"/batches/{batch.pk}/sagas/1/"
    shown = viewer.browser.get(address).content.decode()
    assert "As it was planned" in shown and "would drop out" not in shown

    open_shop.tell(saga.saga_id, "charge:KS charge:K+")
    assert "It would drop out" in viewer.browser.get(address).content.decode()
    press(operator, batch, "start")
    runner.run(batch.pk)
    assert address in page(viewer, batch, "?sagas=dropped")
    seen = viewer.browser.get(address)
    shown = seen.content.decode()
    assert "2 new events came since it was planned." in shown
    assert "Would not be done any more." in shown and "It was undone already." in shown
    assert len(seen.context["look"].events) == 2
    assert f"/sagas/order/{saga.saga_id}/repair?intent=compensate" in shown
    assert Repair.objects.get().saga == other
    assert viewer.browser.get(f"/batches/{batch.pk}/sagas/2/").status_code == 404
    assert viewer.browser.get(f"/batches/{batch.pk}/sagas/3/").status_code == 404


def test_what_it_left_behind_is_planned_again(open_shop: Shop, operator: Person) -> None:
    moved, _, _ = (open_shop.saga(DONE) for _ in range(3))
    batch = plan(operator, step="charge", reason="OPS-8", most_failures="50")
    open_shop.tell(moved.saga_id, "charge:KS charge:K+")
    open_shop.served.will(Reply(422, {"detail": "already paid out"}))
    assert "again…" not in page(operator, batch)
    press(operator, batch, "start")
    runner.run(batch.pk)
    assert "Plan these 2 again…" in page(operator, batch)
    refused, fine = Repair.objects.get(state="stopped").saga, Repair.objects.get(state="done").saga
    shown = operator.browser.get(f"/batches/new?left_by={batch.pk}&intent=compensate").content.decode()
    assert f"What B-{batch.pk} has not put right" in shown and "Repair 2 sagas" in shown
    assert ">OPS-8</textarea>" in shown and 'value="50"' in shown
    again = plan(operator, type="", left_by=str(batch.pk))
    assert {one.saga_id for one in again.sagas.all()} == {moved.pk, refused.pk}
    assert again.title == f"2 sagas: not put right by B-{batch.pk}"
    listed = operator.browser.get(f"/sagas/?left_by={batch.pk}").content.decode()
    assert f"Not put right by B-{batch.pk}" in listed
    assert refused.saga_id in listed and fine.saga_id not in listed
    assert "works at it" in operator.browser.get(f"/sagas/?left_by={again.pk}").content.decode()


def test_after_an_address_has_changed_the_old_plan_is_told_in_words(shop: Shop, operator: Person) -> None:
    shop.saga(DONE)
    batch = plan(operator, step="charge")
    Participant.objects.filter(name="payment").update(base_url="http://127.0.0.1:9/elsewhere")
    shown = operator.browser.get(f"/batches/{batch.pk}/sagas/1/").content.decode()
    assert "cannot be shown to the letter any more. It was: compensate “charge” at payment." in shown
    assert "http://127.0.0.1:9/elsewhere/compensations/charge" in shown


def test_what_is_at_stake_is_told_as_people_write_it(shop: Shop, operator: Person) -> None:
    staked = SHOP_YAML.replace('version: "1"', 'version: "2"') + "stake: {amount: amount, currency: EUR}"
    loading.load(staked, "shop.yaml", Actor.system())
    for _ in range(12):
        shop.saga(DONE)
    assert "<dd>1,558.80 EUR</dd>" in page(operator, plan(operator, step="charge"))


def test_hostile_words_stay_words(shop: Shop, operator: Person) -> None:
    shop.saga(DONE)
    batch = plan(operator, reason="<script>alert(1)</script>")
    assert "<script>alert(1)" not in page(operator, batch)
