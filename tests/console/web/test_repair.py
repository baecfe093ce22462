"""Plan, start, follow, cancel on the pages: nothing is sent unseen, and what went is told to the letter."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compensation import executor, recovery, repairs
from compensation.models import Repair, RepairAction
from sagas.models import AuditEntry, Event, Saga
from sagas.models import Participant as ParticipantRow
from tests.compensation.participants import Participant, Reply, serving
from tests.compensation.shop import ANNA, BEN, DONE, Shop, actions, make_due, start, work
from tests.console.cast import Person

SILENT = f"{DONE} ship:S"


@pytest.fixture
def shop(db: None) -> Shop:
    """Nobody in it can be reached."""
    return Shop(Participant("http://127.0.0.1:9"))


@pytest.fixture
def open_shop(db: None) -> Iterator[Shop]:
    with serving() as participant:
        yield Shop(participant)
        assert participant.unsigned == []


def plan_of(saga: Saga, who: Person, query: str) -> str:
    answer = who.browser.get(f"/sagas/order/{saga.saga_id}/repair?{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def form_of(html: str) -> dict[str, str]:
    """What the page would send back."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html)
    return {name: unescape(value) for name, value in found if name != "csrfmiddlewaretoken"}


def press(saga: Saga, who: Person | Client, form: dict[str, str], **more: str) -> HttpResponse:
    client = who.browser if isinstance(who, Person) else who
    return client.post(f"/sagas/order/{saga.saga_id}/repair", form | {"reason": "OPS-2291"} | more)


def nothing_happened(shop: Shop) -> bool:
    return not (
        Repair.objects.exists() or AuditEntry.objects.filter(action__startswith="repair").exists()
    ) and (shop.served.received == [])


def text_of(answer: HttpResponse | str) -> str:
    html = answer if isinstance(answer, str) else answer.content.decode()
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))


def test_the_plan_shows_what_is_sent_to_the_letter(shop: Shop, operator: Person) -> None:
    saga = shop.saga()
    html = plan_of(saga, operator, "intent=compensate")
    shown = text_of(html)
    seen = repairs.preview(saga, "compensate")
    for action in seen.plan.actions:
        assert action.request.url in shown
        assert f"Idempotency-Key: {action.idempotency_key}" in shown
        assert action.request.body in unescape(html)
    assert shown.index("refund card") < shown.index("release stock"), "in reverse order"
    assert "nothing has been sent yet" in shown
    assert "It only reads, so that there is nothing to undo." in shown
    assert form_of(html)["plan_hash"] == seen.hash
    assert nothing_happened(shop)


@pytest.mark.parametrize("intent", ["ask", "compensate", "retry", "record"])
@pytest.mark.parametrize("step", ["", "&step=ship", "&step=charge", "&step=nonsense"])
@pytest.mark.parametrize("outcome", ["", "&outcome=compensated"])
def test_looking_at_any_plan_changes_nothing(
    intent: str, step: str, outcome: str, shop: Shop, operator: Person
) -> None:
    saga = shop.saga(SILENT)
    before = Event.objects.count()
    plan_of(saga, operator, f"intent={intent}{step}{outcome}")
    assert nothing_happened(shop) and Event.objects.count() == before


@pytest.mark.parametrize("query", ["", "intent=explode", "intent=record&outcome=exploded"])
def test_a_plan_that_is_none_is_not_found(query: str, shop: Shop, operator: Person) -> None:
    saga = shop.saga()
    assert operator.browser.get(f"/sagas/order/{saga.saga_id}/repair?{query}").status_code == 404


def test_what_was_seen_is_started_and_done(open_shop: Shop, operator: Person) -> None:
    saga = open_shop.saga()
    html = plan_of(saga, operator, "intent=compensate&step=charge")
    answer = press(saga, operator, form_of(html))
    repair = Repair.objects.get()
    assert answer.status_code == 303
    assert answer["Location"] == f"/repairs/{repair.pk}/"
    assert (repair.started_by, repair.reason) == (operator.user, "OPS-2291")
    work(repair)
    page = text_of(operator.browser.get(f"/repairs/{repair.pk}/"))
    (received,) = open_shop.served.received
    assert received.body in page and received.key in page
    assert "Confirmed by the answer of payment" in page
    assert "1 of 1 confirmed" in page and "Done" in page
    assert "otto repair.started" in page


def test_the_reason_is_asked_for_and_what_was_written_is_kept(shop: Shop, operator: Person) -> None:
    saga = shop.saga()
    form = form_of(plan_of(saga, operator, "intent=record&step=charge&outcome=compensated"))
    answer = press(saga, operator, form, reason="  ", evidence="receipt 17")
    assert answer.status_code == 400
    html = answer.content.decode()
    assert "Say why" in html and "receipt 17" in html and 'aria-invalid="true"' in html
    assert nothing_happened(shop)
    assert press(saga, operator, form, evidence="").status_code == 400
    assert press(saga, operator, form, evidence="receipt 17").status_code == 303


def test_a_saga_that_has_changed_is_not_touched_and_the_changes_are_shown(
    shop: Shop, operator: Person
) -> None:
    saga = shop.saga()
    form = form_of(plan_of(saga, operator, "intent=compensate"))
    shop.tell(saga.saga_id, "charge:KS charge:K+")
    answer = press(saga, operator, form)
    text = text_of(answer)
    assert answer.status_code == 409
    assert "The saga has changed since you looked: 2 new events." in text
    assert "compensating charge" in text and "compensated charge" in text
    assert "OPS-2291" in text, "what was written is kept"
    assert nothing_happened(shop)
    # The page that was answered holds the plan of now, which can be started.
    again = form_of(answer.content.decode())
    assert again["plan_hash"] != form["plan_hash"]
    assert press(saga, operator, again).status_code == 303


def test_a_changed_address_is_a_change_too(shop: Shop, operator: Person) -> None:
    saga = shop.saga()
    form = form_of(plan_of(saga, operator, "intent=compensate&step=charge"))
    ParticipantRow.objects.filter(name="payment").update(base_url="http://elsewhere.example")
    answer = press(saga, operator, form)
    assert answer.status_code == 409
    assert "What would be done has changed since you looked" in text_of(answer)
    assert nothing_happened(shop)


def test_a_missing_reason_does_not_hide_a_change(shop: Shop, operator: Person) -> None:
    saga = shop.saga()
    form = form_of(plan_of(saga, operator, "intent=compensate"))
    shop.tell(saga.saga_id, "charge:KS charge:K+")
    answer = press(saga, operator, form, reason="")
    assert answer.status_code == 400
    assert "Meanwhile the saga has changed" in text_of(answer)


def test_of_two_operators_one_wins_and_the_other_is_told_who(shop: Shop, operator: Person) -> None:
    saga = shop.saga()
    form = form_of(plan_of(saga, operator, "intent=compensate"))
    first = start(saga, "compensate", "charge", by=BEN)
    answer = press(saga, operator, form)
    assert answer.status_code == 409
    assert f"ben was faster: R-{first.pk} is at work on this saga" in text_of(answer)
    assert f'href="/repairs/{first.pk}/"' in answer.content.decode()
    assert Repair.objects.count() == 1


def test_what_cannot_be_started_says_why_and_has_no_button(shop: Shop, operator: Person) -> None:
    html = plan_of(shop.saga(SILENT), operator, "intent=retry&step=check")
    assert "This cannot be started" in html
    assert 'name="plan_hash"' not in html


@pytest.mark.parametrize("missing", ["revision", "intent"])
def test_a_form_that_amends_did_not_make_is_not_taken(missing: str, shop: Shop, operator: Person) -> None:
    saga = shop.saga()
    form = form_of(plan_of(saga, operator, "intent=compensate"))
    assert press(saga, operator, form | {missing: "x"}).status_code == 404
    assert nothing_happened(shop)


def test_a_forged_hash_starts_nothing(shop: Shop, operator: Person) -> None:
    saga = shop.saga()
    form = form_of(plan_of(saga, operator, "intent=compensate"))
    assert press(saga, operator, form | {"plan_hash": "0" * 64}).status_code == 409
    assert nothing_happened(shop)


def test_without_a_token_of_this_site_nothing_is_started(shop: Shop, operator: Person) -> None:
    saga = shop.saga()
    form = form_of(plan_of(saga, operator, "intent=compensate"))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(operator.user)
    assert press(saga, strict, form).status_code == 403
    assert nothing_happened(shop)


def test_a_viewer_sees_the_plan_and_cannot_start_it(shop: Shop, viewer: Person) -> None:
    saga = shop.saga()
    html = plan_of(saga, viewer, "intent=compensate")
    assert "Exactly this will happen" in html
    assert "Only a person with the role operator, approver or admin" in html
    seen = repairs.preview(saga, "compensate")
    form = {"intent": "compensate", "revision": str(seen.revision), "plan_hash": seen.hash}
    assert press(saga, viewer, form).status_code == 403
    assert nothing_happened(shop)


def test_recording_needs_a_step_and_an_outcome(shop: Shop, operator: Person) -> None:
    saga = shop.saga(SILENT)
    html = plan_of(saga, operator, "intent=record")
    assert 'name="outcome"' in html and "nothing will be sent" in html
    form = form_of(plan_of(saga, operator, "intent=record&step=ship&outcome=failed"))
    answer = press(saga, operator, form, evidence="The carrier says so on the phone.")
    assert answer.status_code == 303
    page = text_of(operator.browser.get(answer["Location"]))
    assert "Recorded as failed on the word of otto: The carrier says so on the phone." in page
    assert shop.served.received == []


def test_every_attempt_is_shown_with_its_answer(open_shop: Shop, operator: Person) -> None:
    saga = open_shop.saga()
    open_shop.served.will(Reply(503, {"detail": "<b>busy</b>"}), Reply(409, {"detail": "disputed"}))
    repair = start(saga, "compensate", "charge")
    work(repair)
    html = operator.browser.get(f"/repairs/{repair.pk}/").content.decode()
    assert "<b>busy</b>" not in html and "&lt;b&gt;busy" in html
    text = text_of(html)
    assert "2 attempts of at most 6" in text
    assert "payment refused. 409: disputed" in text
    assert "Stopped for you to look: refund card was refused." in text


def test_what_is_accepted_waits_for_the_event_and_says_until_when(open_shop: Shop, operator: Person) -> None:
    saga = open_shop.saga()
    open_shop.served.will(Reply(202))
    repair = start(saga, "compensate", "charge")
    executor.execute(actions(repair)[0].pk)
    assert "Accepted with 202: the event of payment must confirm it by" in text_of(page(repair, operator))
    open_shop.tell(saga.saga_id, "charge:KS charge:K+")
    work(repair)
    html = page(repair, operator)
    assert "Confirmed by an event" in text_of(html)
    assert re.search(r'href="/sagas/order/[^"]+\?event=(event-\w+)#\1"', html)


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        ("compensated", "Confirmed by the answer of payment, asked what became of it: compensated"),
        ("running", "payment, asked what became of it, answered: running"),
    ],
)
def test_what_nobody_confirms_is_in_doubt_and_asked_about(
    open_shop: Shop, operator: Person, outcome: str, says: str
) -> None:
    saga = open_shop.saga()
    plan = text_of(plan_of(saga, operator, "intent=compensate&step=charge"))
    assert "Asked once, if a 202 is not confirmed in time GET" in plan
    open_shop.served.will(Reply(202), Reply(200, {"outcome": outcome}))
    repair = start(saga, "compensate", "charge")
    executor.execute(actions(repair)[0].pk)
    recovery.recover(timezone.now() + timedelta(seconds=31))
    text = text_of(page(repair, operator))
    assert "In doubt" in text and "payment is asked what became of it; its answer decides." in text
    assert f"What it was asked GET {open_shop.served.url}/payment/steps/charge" in text
    work(repair)
    text = text_of(page(repair, operator))
    assert says in text and "asked 200" in text


def test_what_was_overtaken_says_that_and_why(open_shop: Shop, operator: Person) -> None:
    saga = open_shop.saga()
    repair = start(saga, "compensate")
    open_shop.tell(saga.saga_id, "reserve:KS")
    work(repair)
    text = text_of(page(repair, operator))
    assert "Not sent: the saga has moved on since this was started. Not everything stands still." in text
    assert "inventory is undoing it right now" in text and "Plan again what is still to be done." in text
    assert "Overtaken" in text and "payment refused" not in text
    assert "Stopped for you to look: refund card was overtaken and not sent." in text


def test_what_an_event_confirms_after_the_end_is_said(open_shop: Shop, operator: Person) -> None:
    saga = open_shop.saga(f"{DONE} ship:C thank:F")
    open_shop.served.will(Reply(202))
    repair = start(saga, "retry", "thank")
    executor.execute(actions(repair)[0].pk)
    # Nobody knows how to ask about it.
    recovery.recover(timezone.now() + timedelta(seconds=31))
    repair.refresh_from_db()
    assert repair.state == "stopped"
    assert "By now" not in text_of(page(repair, operator))
    open_shop.tell(saga.saga_id, "thank:S thank:C")
    html = page(repair, operator)
    assert "By now an event says that it was done." in text_of(html)
    assert "was not confirmed, and by now an event says that it was done." in text_of(html)
    assert re.search(r'href="/sagas/order/[^"]+\?event=(event-\w+)#\1"', html)


def test_before_anything_is_sent_the_page_says_what_waits_for_what(shop: Shop, operator: Person) -> None:
    repair = start(shop.saga(), "compensate")
    text = text_of(page(repair, operator))
    assert "Waits until refund card is confirmed." in text
    assert "0 of 2 confirmed" in text


def test_a_call_without_a_recorded_answer_is_told_as_such(shop: Shop, operator: Person) -> None:
    repair = start(shop.saga(), "compensate", "charge")
    executor.take(actions(repair)[0].pk, repair.started_at)
    assert "no answer yet" in text_of(page(repair, operator))
    RepairAction.objects.update(state=RepairAction.State.READY)
    assert "no answer was recorded" in text_of(page(repair, operator))


def test_a_question_shows_what_was_answered(open_shop: Shop, operator: Person) -> None:
    open_shop.served.will(Reply(200, {"outcome": "completed", "detail": "left at 10:03"}))
    repair = work(start(open_shop.saga(SILENT), "ask", "ship"))
    told = text_of(page(repair, operator))
    assert "shipping answered: completed , “left at 10:03”" in told and "1 of 1 answered" in told
    assert "See what can be done now" in told and "is masked" not in told


def test_cancelling_asks_why_and_sends_nothing_more(open_shop: Shop, operator: Person) -> None:
    repair = start(open_shop.saga(), "compensate")
    address = f"/repairs/{repair.pk}/cancel"
    assert operator.browser.post(address, {"reason": ""}).status_code == 400
    answer = operator.browser.post(address, {"reason": "wrong saga"})
    assert (answer.status_code, answer["Location"]) == (303, f"/repairs/{repair.pk}/")
    make_due(repair)
    work(repair)
    text = text_of(page(repair, operator))
    assert "Cancelled: nothing more is sent." in text
    assert open_shop.served.received == []
    late = operator.browser.post(address, {"reason": "once more"})
    assert late.status_code == 409
    assert f"R-{repair.pk} is cancelled already." in text_of(late)


def test_a_viewer_follows_a_repair_and_cannot_cancel_it(shop: Shop, viewer: Person) -> None:
    repair = start(shop.saga(), "compensate")
    html = page(repair, viewer)
    assert "Only a person with the role" in html and "<textarea" not in html
    assert viewer.browser.post(f"/repairs/{repair.pk}/cancel", {"reason": "no"}).status_code == 403
    repair.refresh_from_db()
    assert repair.state == Repair.State.RUNNING
    assert not AuditEntry.objects.filter(action="repair.cancelled").exists()


def test_an_unknown_repair_is_not_found(shop: Shop, viewer: Person) -> None:
    assert viewer.browser.get("/repairs/4711/").status_code == 404


def test_following_a_repair_takes_as_many_queries_for_many_attempts(open_shop: Shop, viewer: Person) -> None:
    short = work(start(open_shop.saga(), "compensate", "charge"))
    long = start(open_shop.saga(), "compensate")
    open_shop.served.will(*[Reply(503)] * 4)
    work(long)
    counts = []
    for repair in (short, long):
        page(repair, viewer)
        with CaptureQueriesContext(connection) as queries:
            page(repair, viewer)
        counts.append(len(queries))
    assert counts == [10, 10]


def test_looking_at_a_plan_takes_as_many_queries_for_many_steps(shop: Shop, viewer: Person) -> None:
    counts = []
    for words in ("charge:C", SILENT):
        saga = shop.saga(words)
        plan_of(saga, viewer, "intent=compensate")
        with CaptureQueriesContext(connection) as queries:
            plan_of(saga, viewer, "intent=compensate")
        counts.append(len(queries))
    assert counts == [12, 12]


def test_nothing_on_the_pages_is_inline(shop: Shop, operator: Person) -> None:
    saga = shop.saga(SILENT)
    pages = [plan_of(saga, operator, "intent=compensate"), plan_of(saga, operator, "intent=record")]
    repair = start(saga, "ask", "ship")
    repairs.cancel(repair, ANNA, "enough")
    for html in [*pages, page(repair, operator)]:
        assert not re.search(r"<style|<script(?![^>]*src=)|\sstyle=|\son\w+=", html)


def page(repair: Repair, who: Person) -> str:
    answer = who.browser.get(f"/repairs/{repair.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()
