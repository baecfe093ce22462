"""What people see of rules and conflicts: in lists, on the problem's page, on the saga's, through the API."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from sagas.detection.sweep import sweep
from sagas.models import Problem
from tests.console.cast import Person
from tests.sagas.ruling import CONFLICT, NOT_REFUNDED, REFUND, SHIPPED_IS_PAID, define, put

pytestmark = pytest.mark.django_db

SHIPPED = "saga.started charge:S charge:C ship:S ship:C"


def text_of(who: Person, path: str) -> str:
    answer = who.browser.get(path)
    assert answer.status_code == 200
    html = re.sub(r"<script.*?</script>", "", answer.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_a_broken_rule_is_told_wherever_it_is_shown(viewer: Person) -> None:
    define(SHIPPED_IS_PAID)
    hour_ago = timezone.now() - timedelta(hours=1)
    put(f"{SHIPPED} charge:K+", order="<b>8492</b>", now=hour_ago)
    sweep()
    assert "rule “shipped ⇒ paid” is broken" in text_of(viewer, "/")
    problem = Problem.objects.get(code="rule_broken")
    told = text_of(viewer, f"/problems/{problem.pk}/")
    assert "charge card was undone, ship parcel completed" in told
    answer = viewer.browser.get("/sagas/order/o-1/?tab=findings").content.decode()
    assert "The rule <strong>shipped ⇒ paid</strong> is broken: Order &lt;b&gt;8492" in answer
    assert "<b>8492" not in answer
    assert "ship parcel completed at" in text_of(viewer, "/sagas/order/o-1/")
    [found] = [
        each
        for each in viewer.browser.get("/api/v1/sagas/order/o-1").json()["findings"]
        if each["code"] == "rule_broken"
    ]
    assert (found["step"], found["severity"]) == ("rule:shipped-is-paid", "critical")
    assert found["detail"]["expression"] == "!steps.ship.open || steps.charge.open"


def test_what_can_be_done_about_a_broken_rule_is_about_its_sagas(viewer: Person) -> None:
    """No step has a rule's name: a plan for it would be refused."""
    define(SHIPPED_IS_PAID)
    hour_ago = timezone.now() - timedelta(hours=1)
    put(f"{SHIPPED} charge:K+", now=hour_ago)
    sweep()
    page = f"/problems/{Problem.objects.get(code='rule_broken').pk}/"
    alone = text_of(viewer, page)
    assert "The outcome of every step is known." in alone and "Nothing has failed or is overdue." in alone
    assert "order · rule shipped-is-paid" in alone and "oldest…" not in alone
    put(f"{SHIPPED} charge:K+", "o-2", order="2", now=hour_ago)
    sweep()
    html = viewer.browser.get(page).content.decode()
    planned = [
        address for address in re.findall(r'id="choice-\w+" href="([^"]+)"', html) if "intent" in address
    ]
    assert len(planned) == 4
    for address in planned:
        told = text_of(viewer, address.replace("&amp;", "&"))
        assert "rule:" not in told and "has no step" not in told


def test_another_saga_that_proves_it_is_one_click_away(viewer: Person) -> None:
    define(NOT_REFUNDED, REFUND)
    hour_ago = timezone.now() - timedelta(hours=1)
    put(SHIPPED, now=hour_ago)
    put("pay-out:S pay-out:C", "r/1", type="refund", now=hour_ago)
    sweep()
    answer = viewer.browser.get("/sagas/order/o-1/?tab=findings").content.decode()
    [address] = set(re.findall(r'href="(/sagas/refund/[^"?]*)">refund r/1<', answer))
    assert "pay out" in text_of(viewer, address)


def test_sagas_that_overlap_name_each_other(viewer: Person) -> None:
    define(CONFLICT, REFUND)
    now = timezone.now()
    put("saga.started charge:S", now=now)
    put("saga.started pay-out:S", "r-1", type="refund", now=now)
    sweep()
    told = text_of(viewer, "/sagas/order/o-1/?tab=findings")
    assert "two sagas are at work on the same order" in told
    assert (
        "This saga and refund r-1 are both at work on order 8492: here charge card , there pay-out ." in told
    )
