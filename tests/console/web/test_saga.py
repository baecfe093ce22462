"""A saga's page: what it tells, what it offers, what it costs."""

import json
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compensation import repairs
from console import addresses, anchors
from console.web.saga_events import PER_PAGE
from sagas import ingest
from sagas.alerts import policy
from sagas.detection.sweep import sweep
from sagas.events import Incoming
from sagas.models import Event, Finding, Participant, Saga, SagaKey
from sagas.vocabulary import Kind
from tests.compensation import participants
from tests.compensation.shop import ANNA, DONE, Shop, start
from tests.console.cast import Person

# What was done, and then shipping was asked and has said nothing since.
SILENT = f"{DONE} ship:S"


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop(participants.Participant("http://127.0.0.1:9"))


def page_of(saga: Saga, who: Person, query: str = "", status: int = 200) -> str:
    answer = who.browser.get(f"/sagas/{saga.saga_type}/{saga.saga_id}/{query}")
    assert answer.status_code == status
    return answer.content.decode()


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_it_says_who_what_and_why(shop: Shop, viewer: Person) -> None:
    saga = shop.saga(SILENT)
    sweep()
    html = page_of(saga, viewer)
    text = text_of(html)
    assert "In doubt" in text and "Running" in text
    assert "shipping was asked to ship parcel" in text
    assert "ship parcel · no answer for 1 h" in text
    assert "order v 1" in text.replace("<b>", "") or "v1" in html
    assert f'data-copy="{saga.saga_id}"' in html
    assert f'data-live="saga:{saga.pk}"' in html


def test_an_unknown_saga_is_not_found(viewer: Person, shop: Shop) -> None:
    assert viewer.browser.get("/sagas/order/never-heard-of/").status_code == 404
    saga = shop.saga()
    assert viewer.browser.get(f"/sagas/other-type/{saga.saga_id}/").status_code == 404


def test_a_saga_without_definition_is_shown_and_told_what_one_would_add(shop: Shop, viewer: Person) -> None:
    tell(
        "parcel-7", [("step.started", "pack", None), ("step.completed", "pack", None)], saga_type="unheard-of"
    )
    html = page_of(Saga.objects.get(saga_type="unheard-of"), viewer)
    assert "Nobody has described" in html
    assert ">pack" in html
    assert "unheard-of is loaded, which would say what to send" in html, "repairs say why they cannot be"


@pytest.mark.parametrize(
    "saga_id", ["a/b", "a b?c#d", "%2F%41", "ünïcødé ✦", "<script>alert(1)</script>", "..", "x" * 500]
)
def test_any_id_has_a_page_with_working_links(saga_id: str, shop: Shop, viewer: Person) -> None:
    tell(saga_id, [("saga.started", "", None)], saga_type="order")
    saga = Saga.objects.get(saga_id=saga_id)
    address = addresses.saga("order", saga_id)
    html = viewer.browser.get(address).content.decode()
    assert "<script>alert" not in html
    assert f'href="{address}repair?intent=record"'.replace("&", "&amp;") in html
    assert saga.saga_id == saga_id


def test_hostile_payloads_are_shown_as_text(shop: Shop, viewer: Person) -> None:
    bad = '<img src=x onerror="alert(1)">'
    payload = json.dumps({bad: bad, "error": bad, "deep": {"x": [1.50, bad]}})
    tell("evil", [("step.started", bad, payload), ("step.failed", bad, payload)], saga_type="order")
    saga = Saga.objects.get(saga_id="evil")
    for tab in ("events", "findings", "repairs", "audit", "definition", "related"):
        assert bad not in page_of(saga, viewer, f"?tab={tab}")


def test_payloads_are_indented_and_numbers_keep_their_digits(shop: Shop, viewer: Person) -> None:
    tell(
        "o", [("step.started", "charge", '{"amount":49.90,"big":12345678901234567890123}')], saga_type="order"
    )
    html = page_of(Saga.objects.get(saga_id="o"), viewer)
    assert "&quot;amount&quot;: 49.90," in html
    assert "12345678901234567890123" in html


def test_a_payload_that_is_no_json_is_shown_as_it_came(shop: Shop, viewer: Person) -> None:
    tell("o", [("saga.note", "", "no json at all")], saga_type="order")
    assert "no json at all" in page_of(Saga.objects.get(saga_id="o"), viewer)


def test_events_come_newest_first_in_pages_and_evidence_leads_to_its_page(shop: Shop, viewer: Person) -> None:
    rows = [("saga.note", "", f'{{"n": {n}}}') for n in range(PER_PAGE + 20)]
    tell("long", rows, saga_type="order")
    saga = Saga.objects.get(saga_id="long")
    first = page_of(saga, viewer)
    assert first.index(f"</span> {PER_PAGE + 19}") < first.index(f"</span> {PER_PAGE + 18}")
    assert "Page 1 of 2" in first
    oldest = Event.objects.filter(saga=saga).order_by("time").first()
    anchor = anchors.of_event(oldest.source, oldest.event_id)
    assert f'id="{anchor}"' not in first
    second = page_of(saga, viewer, f"?event={anchor}")
    assert "Page 2 of 2" in second and f'id="{anchor}" class="row-at"' in second
    assert "Page 2 of 2" in page_of(saga, viewer, "?page=999")


def test_findings_link_to_the_events_that_prove_them(shop: Shop, viewer: Person) -> None:
    saga = shop.saga(SILENT)
    sweep()
    html = page_of(saga, viewer, "?tab=findings")
    started = Event.objects.get(saga=saga, step="ship")
    assert f"#{anchors.of_event(started.source, started.event_id)}" in html
    assert "still open" in html


def test_related_sagas_share_a_business_key(shop: Shop, viewer: Person) -> None:
    one, other, stranger = shop.saga(), shop.saga(), shop.saga()
    for saga, value in ((one, "c-118"), (other, "c-118"), (stranger, "c-204")):
        SagaKey.objects.create(saga=saga, name="customer", value=value)
    html = page_of(one, viewer, "?tab=related")
    assert "Related 1" in html and other.saga_id in html
    assert f">{stranger.saga_id}<" not in html


@pytest.mark.parametrize(
    "tab", ["events", "findings", "repairs", "audit", "definition", "related", "nonsense"]
)
@pytest.mark.parametrize("mode", ["fit", "scale", "relative", "nonsense"])
def test_every_tab_and_mode_can_be_linked_to(tab: str, mode: str, shop: Shop, viewer: Person) -> None:
    assert 'class="drawing drawing-wide"' in page_of(shop.saga(), viewer, f"?tab={tab}&mode={mode}")


def test_htmx_gets_only_the_tab_it_asks_for(shop: Shop, viewer: Person) -> None:
    saga = shop.saga()
    headers = {"HX-Request": "true", "HX-Target": "detail"}
    answer = viewer.browser.get(f"/sagas/order/{saga.saga_id}/?tab=audit", headers=headers)
    assert b"Nobody has done anything" in answer.content
    assert b"<html" not in answer.content


def test_what_can_be_done_stands_safest_first_and_links_to_previews(shop: Shop, operator: Person) -> None:
    saga = shop.saga(SILENT)
    sweep()
    html = page_of(saga, operator)
    titles = re.findall(r"<h3>(.*?)</h3>", html)
    assert titles == [
        "1 · Ask shipping what happened",
        "2 · Compensate the whole saga, 3 steps",
        "3 · Retry “ship parcel”",
        "4 · Record what was done elsewhere",
        "5 · Accept it as it is",
    ]
    assert "until somebody knows, undoing or repeating it may be wrong" in html
    assert f"/sagas/order/{saga.saga_id}/repair?intent=ask" in html
    assert html.count("button button-primary") == 2, "the safest, and on phones the way to it"


def test_what_cannot_be_done_says_why(shop: Shop, operator: Person) -> None:
    saga = shop.saga(f"{DONE} ship:S ship:C thank:S thank:C saga.completed")
    text = text_of(page_of(saga, operator))
    assert "Nothing is wrong with this saga" in text
    assert "The outcome of every step is known." in text


def test_a_viewer_is_told_who_could_start_a_repair(shop: Shop, viewer: Person) -> None:
    html = page_of(shop.saga(SILENT), viewer)
    assert "Only a person with the role operator, approver or admin may start and cancel repairs" in html


def test_while_somebody_repairs_it_the_page_says_who(shop: Shop, operator: Person) -> None:
    saga = shop.saga(SILENT)
    repair = start(saga, "compensate", "charge")
    html = page_of(saga, operator)
    assert "anna is repairing this saga" in html
    assert f"/repairs/{repair.pk}/" in html
    assert "intent=compensate" not in html


def test_who_was_told_is_shown_with_each_problem(shop: Shop, viewer: Person, settings) -> None:
    settings.ALERT_EMAIL_TO = ["oncall@shop.example"]
    saga = shop.saga(SILENT)
    sweep()
    html = page_of(saga, viewer)
    assert "ship parcel never answered" in html and "oncall@shop.example" in html


def test_the_drawing_is_told_as_a_list_too(shop: Shop, viewer: Person) -> None:
    html = page_of(shop.saga(SILENT), viewer)
    assert "Read it as a list" in html
    assert 'role="img" aria-label="Timeline of' in html


def test_nothing_on_the_page_is_inline(shop: Shop, viewer: Person) -> None:
    saga = shop.saga(SILENT)
    sweep()
    html = page_of(saga, viewer)
    assert not re.search(r"<style|<script(?![^>]*src=)|\sstyle=|\son\w+=", html)


def test_a_loop_is_capped_and_says_so(shop: Shop, viewer: Person) -> None:
    rows = [(kind, "pack", None) for _ in range(50) for kind in ("step.started", "step.completed")]
    tell("loop", rows, saga_type="order", executions=True)
    assert re.search(
        r"\d+ more executions or marks not drawn", page_of(Saga.objects.get(saga_id="loop"), viewer)
    )


# Session, user, roles and the two badges are five of each.
BASELINES = {"events": 25, "findings": 26, "repairs": 26, "audit": 26, "definition": 24, "related": 25}


@pytest.mark.parametrize("tab", BASELINES)
def test_queries_do_not_grow_with_what_is_kept(tab: str, shop: Shop, viewer: Person, settings) -> None:
    settings.ALERT_EMAIL_TO = ["oncall@shop.example"]
    saga = shop.saga(f"{DONE} ship:S")
    sweep()
    counts = []
    for _ in range(2):
        much(shop, saga)
        page_of(saga, viewer)
        with CaptureQueriesContext(connection) as queries:
            page_of(saga, viewer, f"?tab={tab}")
        counts.append(len(queries))
    assert counts == [BASELINES[tab]] * 2, [query["sql"][:150] for query in queries]


def much(shop: Shop, saga: Saga) -> None:
    """More events, repairs and audit entries of the saga, findings that come and go, and a related saga."""
    for each in (saga, shop.saga()):
        SagaKey.objects.get_or_create(saga=each, name="customer", value="c-118")
    later = timezone.now()
    for _ in range(3):
        shop.tell(saga.saga_id, "charge:S charge:R charge:C saga.note saga.note ship:C")
        repairs.cancel(start(saga, "compensate", "charge"), ANNA, "enough")
        sweep(later)
        shop.tell(saga.saga_id, "ship:S")
        later += timedelta(hours=1)
        sweep(later)
        # After an hour without a sweep nobody is told at once.
        sweep(later + policy.SETTLING)
    assert Finding.objects.filter(saga=saga).count() > 2


def tell(
    saga_id: str,
    rows: list[tuple[str, str, str | None]],
    *,
    saga_type: str,
    executions: bool = False,
) -> None:
    """One event a row, a second apart, the last one a minute ago."""
    who, _ = Participant.objects.get_or_create(name="somebody")
    begin = timezone.now() - timedelta(seconds=60 + len(rows))
    events = [
        Incoming(
            source="//somebody",
            id=str(place),
            kind=Kind(kind),
            saga_type=saga_type,
            saga_id=saga_id,
            step=step,
            execution=str(place // 2) if executions else "",
            time=begin + timedelta(seconds=place),
            data=data,
        )
        for place, (kind, step, data) in enumerate(rows)
    ]
    results = ingest.store(events, participant=who)
    assert {result.outcome for result in results} == {"stored"}, results
