"""Attention: what is shown, in which order, and what an empty page says."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from sagas.models import Delivery, Finding, Heartbeat, Problem, Saga
from sagas.vocabulary import Code, Status
from tests.console.cast import Person
from tests.console.web.scene import Scene, make_problem, make_saga, page, tell


def titles(html: str) -> list[str]:
    return re.findall(r'id="link-\d+" href="[^"]+">([^<]+)</a>', html)


def test_the_most_harmful_comes_first(scene: Scene, viewer: Person) -> None:
    """By severity, then condition, then how many sagas, then age."""
    now = timezone.now()
    sagas = [make_saga(f"order-{number}") for number in range(6)]
    make_problem("is overdue", sagas[:2], code=Code.STEP_OVERDUE, step="a")
    make_problem(
        "overdue for longer", sagas[2:3], code=Code.STEP_OVERDUE, step="b", since=now - timedelta(hours=3)
    )
    make_problem("overdue since just now", sagas[3:4], code=Code.STEP_OVERDUE, step="c")
    make_problem("could not be undone", sagas[4:5], code=Code.COMPENSATION_FAILED, step="d")
    assert titles(page(viewer)) == [
        "could not be undone",
        "ship parcel never answered",
        "is overdue",
        "overdue for longer",
        "overdue since just now",
    ]


def test_a_row_says_what_where_how_many_since_when_and_whose(scene: Scene, viewer: Person) -> None:
    html = page(viewer)
    row = html[html.index(f'id="problem-{scene.problem.pk}"') :]
    for text in ("In doubt", "ship parcel never answered", "nothing for more than 30 s", "order-fulfilment"):
        assert text in row
    for text in ("ship-parcel · shipping", "16 min", "orders-oncall@shop.example", "told"):
        assert text in row


@pytest.mark.parametrize(
    ("state", "words"), [(Delivery.State.PENDING, "being told"), (Delivery.State.FAILED, "could not be told")]
)
def test_a_row_says_when_nobody_was_reached(state: str, words: str, scene: Scene, viewer: Person) -> None:
    tell(scene.problem, state, error="503 from the mail server")
    assert words in page(viewer)


def test_a_problem_that_nobody_is_told_of_says_so(scene: Scene, viewer: Person) -> None:
    scene.problem.alerts.all().delete()
    assert "nobody to tell" in page(viewer)


def test_a_row_opens_in_place_and_closes_again(scene: Scene, viewer: Person) -> None:
    address = f"/?open={scene.problem.pk}"
    assert "order-8492" not in page(viewer)
    html = page(viewer, address)
    assert "order-8492" in html
    assert "129.90 EUR" in html
    assert 'aria-expanded="true"' in html
    fragment = viewer.browser.get(
        address, headers={"HX-Request": "true", "HX-Target": "problems"}
    ).content.decode()
    assert "order-8492" in fragment
    assert "<html" not in fragment


def test_an_open_row_shows_the_ten_that_wait_longest_and_counts_the_rest(
    scene: Scene, viewer: Person
) -> None:
    sagas = [make_saga(f"late-{number:02}") for number in range(14)]
    problem = make_problem("is overdue", sagas, code=Code.STEP_OVERDUE, step="a")
    now = timezone.now()
    for number, finding in enumerate(problem.findings.order_by("pk")):
        Finding.objects.filter(pk=finding.pk).update(since=now - timedelta(minutes=number))
    html = page(viewer, f"/?open={problem.pk}")
    assert re.findall(r"late-\d\d(?=</)", html) == [f"late-{number:02}" for number in range(13, 3, -1)]
    assert "4 more…" in html


def test_chips_narrow_it_down_and_keep_to_each_other(scene: Scene, viewer: Person) -> None:
    other = make_saga("pay-1", saga_type="wallet-payment")
    make_problem(
        "debit wallet is overdue",
        [other],
        code=Code.STEP_OVERDUE,
        saga_type="wallet-payment",
        step="debit-wallet",
        participant="wallet",
    )
    assert titles(page(viewer, "/?condition=stuck")) == ["debit wallet is overdue"]
    assert titles(page(viewer, "/?type=order-fulfilment")) == ["ship parcel never answered"]
    assert titles(page(viewer, "/?participant=wallet")) == ["debit wallet is overdue"]
    html = page(viewer, "/?participant=wallet&condition=in_doubt")
    assert titles(html) == []
    assert "No open problem matches these filters." in html
    assert "condition=stuck&amp;participant=wallet" in html


def test_problems_that_are_over_are_not_shown(scene: Scene, viewer: Person) -> None:
    Problem.objects.update(closed_at=timezone.now(), open_count=0)
    Finding.objects.update(closed_at=timezone.now())
    Saga.objects.update(condition="healthy")
    html = page(viewer)
    assert titles(html) == []
    assert "Nothing needs you." in html


def test_when_all_is_well_it_says_how_many_finished_in_time(scene: Scene, viewer: Person) -> None:
    Finding.objects.all().delete()
    scene.problem.alerts.all().delete()
    Problem.objects.all().delete()
    now = timezone.now()
    for number in range(3):
        make_saga(f"well-{number}", status=Status.COMPLETED, ended_at=now)
    make_saga("broken", status=Status.FAILED, ended_at=now)
    html = page(viewer)
    assert "Nothing needs you." in html
    assert "3 sagas finished in time today." in html


def test_a_saga_that_had_a_finding_did_not_finish_in_time(scene: Scene, viewer: Person) -> None:
    now = timezone.now()
    make_saga("well", status=Status.COMPLETED, ended_at=now)
    Saga.objects.filter(pk=scene.saga.pk).update(status=Status.COMPLETED, ended_at=now)
    html = page(viewer)
    assert "50 % finished in time today" in html


def test_with_no_saga_at_all_it_says_how_to_begin(viewer: Person) -> None:
    html = page(viewer)
    assert "No saga has been heard of yet." in html
    assert "Nothing needs you" not in html


def test_when_nobody_looks_it_does_not_say_that_all_is_well_alone(scene: Scene, viewer: Person) -> None:
    assert "Nobody has looked" not in page(viewer)
    Heartbeat.objects.update(at=timezone.now() - timedelta(minutes=3))
    assert "Nobody has looked for what is due since" in page(viewer)


def test_the_last_hour_is_drawn_and_told_in_words(scene: Scene, viewer: Person) -> None:
    html = page(viewer)
    assert 'aria-label="1 new in the last 60 minutes"' in html
    assert html.count('<rect class="fill-tone"') == 1
    Finding.objects.update(opened_at=timezone.now() - timedelta(minutes=61))
    assert 'aria-label="0 new in the last 60 minutes"' in page(viewer)


def test_a_problem_has_a_page_with_everybody_who_was_told(scene: Scene, viewer: Person) -> None:
    tell(scene.problem, Delivery.State.FAILED, error="503 from the mail server")
    html = page(viewer, f"/problems/{scene.problem.pk}/")
    for text in ("order-8492", "Told", "Not reached", "503 from the mail server", "runbooks.shop.example"):
        assert text in html


def test_a_problem_that_is_over_keeps_its_page(scene: Scene, viewer: Person) -> None:
    Problem.objects.update(closed_at=timezone.now(), open_count=0)
    Finding.objects.update(closed_at=timezone.now())
    html = page(viewer, f"/problems/{scene.problem.pk}/")
    assert "Resolved" in html
    assert "No saga has this problem any more." in html


def test_the_badge_counts_sagas_that_are_not_healthy(scene: Scene, viewer: Person) -> None:
    html = page(viewer, "/repairs/")
    assert re.search(r'id="badge-attention"[^>]*><span class="badge">1<', html)
    Saga.objects.update(condition="healthy")
    assert re.search(
        r'id="badge-attention"[^>]*><span class="badge badge-none">0<', page(viewer, "/repairs/")
    )
