"""Attention: what is shown, in which order, and what an empty page says."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from console.web import attention
from sagas import acceptance
from sagas.models import Delivery, Finding, ForeignType, Heartbeat, Problem, Saga
from sagas.vocabulary import Code, Severity, Status
from tests.console.cast import Person
from tests.console.web.scene import ADA, Scene, make_orphan, make_problem, make_saga, page, tell


def titles(html: str) -> list[str]:
    return re.findall(r'id="link-\d+" href="[^"]+">([^<]+)</a>', html)


def put_at_stake(problem: Problem, **sums: str) -> None:
    """`EUR="12.50"`; the problem's findings share it alike."""
    for currency, amount in sums.items():
        problem.stakes.create(currency=currency, amount=Decimal(amount))
        problem.findings.update(currency=currency, stake=Decimal(amount) / problem.findings.count())


def test_the_most_harmful_comes_first(scene: Scene, viewer: Person) -> None:
    """By what is at stake, then severity, then age."""
    now = timezone.now()
    sagas = [make_saga(f"order-{number}") for number in range(6)]
    rich = make_problem("is overdue", sagas[:2], code=Code.STEP_OVERDUE, step="a")
    put_at_stake(rich, EUR="100", USD="20")
    put_at_stake(make_problem("less", sagas[:1], code=Code.STEP_OVERDUE, step="e"), EUR="119.99")
    make_problem(
        "overdue for longer", sagas[2:3], code=Code.STEP_OVERDUE, step="b", since=now - timedelta(hours=3)
    )
    make_problem("overdue since just now", sagas[3:4], code=Code.STEP_OVERDUE, step="c", since=now)
    make_problem("could not be undone", sagas[4:5], code=Code.COMPENSATION_FAILED, step="d", since=now)
    make_problem("later than usual", sagas[5:], code=Code.STEP_OVERDUE, step="f", severity=Severity.WARNING)
    assert titles(page(viewer)) == [
        "is overdue",
        "less",
        "could not be undone",
        "overdue for longer",
        "ship parcel never answered",
        "overdue since just now",
        "later than usual",
    ]


def test_where_not_all_have_room_the_most_harmful_have_it(
    scene: Scene, viewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many newer ones there are; the tiles still count them all, and a chip finds the others."""
    monkeypatch.setattr(attention, "MOST", 2)
    sagas = [make_saga(f"order-{number}") for number in range(4)]
    make_problem("could not be undone", sagas[:1], code=Code.COMPENSATION_FAILED, step="a")
    put_at_stake(make_problem("is overdue", sagas[1:2], code=Code.STEP_OVERDUE, step="b"), EUR="1")
    for step, saga in zip("cd", sagas[2:], strict=True):
        make_problem(f"odd {step}", [saga], code=Code.STEP_OVERDUE, step=step, severity=Severity.WARNING)
    html = page(viewer)
    assert titles(html) == ["is overdue", "could not be undone"]
    assert "The 2 most harmful problems are shown" in html
    in_doubt = html.partition('id="tiles"')[2].partition("In doubt")[2].partition("</a>")[0]
    assert "1 problem" in in_doubt and "oldest" in in_doubt
    assert titles(page(viewer, "/?condition=in_doubt")) == ["ship parcel never answered"]


def test_a_row_says_why_it_stands_where_it_does(scene: Scene, viewer: Person) -> None:
    put_at_stake(scene.problem, EUR="1558.80", USD="1200", JPY="7", CHF="5")
    Problem.objects.update(severity=Severity.CRITICAL)
    row = re.sub(r"<[^>]+>", " ", page(viewer).partition(f'id="problem-{scene.problem.pk}"')[2])
    text = " ".join(row.split())
    assert "1,558.80 EUR + 1,200.00 USD + 2 more currencies at stake critical · oldest 16 min" in text


def test_tiles_tell_what_is_at_stake_each_saga_once(scene: Scene, viewer: Person) -> None:
    """A saga with two problems counts under its worst, as it does in the tile's number."""
    put_at_stake(scene.problem, EUR="1558.80")
    put_at_stake(make_problem("is overdue", [scene.saga], code=Code.STEP_OVERDUE, step="a"), EUR="1558.80")
    other = make_saga("order-1")
    put_at_stake(make_problem("never answered", [other], step="b"), EUR="0.20")
    Saga.objects.update(condition="in_doubt")
    html = page(viewer).partition('id="tiles"')[2].partition("</section>")[0]
    tile = {
        word: " ".join(re.sub(r"<[^>]+>", " ", html.partition(word)[2].partition("</a>")[0]).split())
        for word in ("In doubt", "Stuck")
    }
    assert tile["In doubt"] == "2 oldest 16 min · 1,559.00 EUR at stake"
    assert tile["Stuck"] == "0 oldest 16 min · 1 problem"


def test_what_only_warns_looks_lower(scene: Scene, viewer: Person) -> None:
    assert "row-low" not in page(viewer)
    Problem.objects.update(severity=Severity.WARNING)
    assert "row-low tone-quiet" in page(viewer)


def test_what_is_odd_in_the_data_does_not_mix_with_problems(scene: Scene, viewer: Person) -> None:
    Finding.objects.all().delete()
    Problem.objects.all().delete()
    Saga.objects.update(condition="healthy")
    saga = make_saga("order-1")
    note = make_problem("shipping has clocks that disagree", [saga], code=Code.CLOCK_SKEW)
    html = page(viewer)
    assert titles(html) == []
    assert "Nothing needs you." in html
    about = html.partition("About the data")[2]
    assert "shipping has clocks that disagree" in about and "1 saga" in about
    assert re.search(r'id="badge-attention"[^>]*><span class="badge badge-none">', html)
    assert f"/problems/{note.pk}/" in about
    own = page(viewer, "/sagas/order-fulfilment/order-1/?tab=findings")
    assert "Nothing is wrong with this saga" in own
    assert "Next:" in own and "Healthy" not in own.partition("</main>")[0].partition("<main")[2]


def test_events_that_nobody_maps_are_counted_beside_it(scene: Scene, viewer: Person) -> None:
    make_orphan(scene.shipping, "com.shop.parcel.lost.v1")
    line = page(viewer).partition('id="foreign"')[2].partition("</li>")[0]
    assert "2 types" in line and "2 events" in line and "/quarantine/?reason=orphan_event" in line
    ForeignType.objects.update(kept=0)
    assert 'id="foreign"' not in page(viewer)


def test_what_was_accepted_is_listed_apart(scene: Scene, viewer: Person) -> None:
    finding = scene.finding
    acceptance.accept(finding, ADA, "known", acceptance.of_finding(finding))
    html = page(viewer)
    assert titles(html) == []
    assert "Nothing needs you." in html
    assert "ship parcel never answered" in html.partition('id="accepted-title"')[2]


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
