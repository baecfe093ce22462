"""Definitions: the graph, the steps and how they went, the text, the versions, and what nobody described."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from console import tallies
from sagas import definitions
from sagas.learning import Durations
from sagas.models import Adoption, StepDay
from tests.console.cast import Person
from tests.console.web.scene import ADA, ORDERS, Scene, make_problem, make_saga, page

PAGE = "/definitions/order-fulfilment/3/"


def test_a_definition_is_shown_with_its_steps_and_its_text(scene: Scene, viewer: Person) -> None:
    html = page(viewer, PAGE)
    for text in (
        "Order fulfilment",
        "charge card",
        "refund card",
        "POST /compensations/charge-card",
        "pivot",
    ):
        assert text in html
    for text in ("30 s", "5 min", "GET /steps/ship-parcel?saga={saga}", "total.currency", "order_id"):
        assert text in html
    assert "kind: compensatable" in html
    assert "orders.yaml" not in html


def test_how_far_it_has_come_to_the_sagas_before_it_is_told(scene: Scene, viewer: Person) -> None:
    adoptions = Adoption.objects.filter(definition__version="3")
    assert "no saga waited for it" in page(viewer, PAGE)
    adoptions.update(state="running", writers=[], position=9, total=1200, looked_at=300, adopted=299)
    html = page(viewer, PAGE)
    assert "300 of 1,200 looked at" in html
    assert 'width="25"' in html
    assert "read anew in the background" in html
    adoptions.update(position=None)
    assert "are once more when writers" in page(viewer, PAGE)
    adoptions.update(state="done", looked_at=1200, adopted=1198, failed=2, finished_at=timezone.now())
    html = page(viewer, PAGE)
    assert "looked at" not in html
    assert "<b>1,198</b> sagas from before it read anew until" in html
    assert "2 sagas could not be read anew with it" in html


def test_it_is_drawn_for_both_widths_and_told_in_words_too(scene: Scene, viewer: Person) -> None:
    html = page(viewer, PAGE)
    drawings = re.findall(r'<svg class="graph .*?</svg>\s*</div>', html, re.S)
    assert "".join(drawings).count('class="node node-compensatable"') == 2
    for text in (
        "point of no return",
        "charge card is undone by: refund card",
        "ship parcel: pivot, by shipping",
    ):
        assert html.count(text) == 2, text
    assert html.count('class="edge"') == 2


def test_a_saga_shows_where_each_step_of_the_drawing_stands(scene: Scene, viewer: Person) -> None:
    html = page(viewer, "/sagas/order-fulfilment/order-8492/?tab=definition")
    assert html.count("ship parcel: pivot, by shipping; Pending") == 2
    # A step that is pending is no message that is on its way.
    assert "Being sent" not in html


def test_a_saga_that_nobody_described_leads_to_a_definition(scene: Scene, viewer: Person) -> None:
    make_saga("x", saga_type="never-described")
    html = page(viewer, "/sagas/never-described/x/?tab=definition")
    assert 'href="/definitions/seen/?type=never-described"' in html


def test_too_many_steps_are_told_by_the_table_alone(scene: Scene, viewer: Person) -> None:
    steps = "".join(f"  - {{name: s{number}, kind: readonly}}\n" for number in range(130))
    definitions.load(f'type: long\nversion: "1"\nsteps:\n{steps}', "x.yaml", ADA)
    html = page(viewer, "/definitions/long/1/")
    assert "too many, or too closely knit, for a drawing" in html
    assert 'class="graph ' not in html
    assert html.count('id="step-') == 130


def test_the_list_tells_how_the_sagas_of_each_type_do(scene: Scene, viewer: Person) -> None:
    late = [make_saga(f"o-{number}", scene.definition) for number in range(2)]
    make_problem("is overdue", late, step="charge-card")
    make_saga("done", scene.definition, status="completed")
    html = page(viewer, "/definitions/")
    assert "3 open sagas of order-fulfilment" in html
    assert "3 sagas of order-fulfilment are not well" in html


def test_what_nobody_counted_to_the_end_is_a_least(
    scene: Scene, viewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        make_saga(f"o-{number}", scene.definition)
        make_saga(f"x-{number}", saga_type="never-described")
    monkeypatch.setattr(tallies, "TOGETHER", 2)
    monkeypatch.setattr(tallies, "UNDESCRIBED_CAP", 2)
    monkeypatch.setattr(tallies, "CAP", 2)
    html = page(viewer, "/definitions/")
    assert re.search(r"\d\+ open sagas of order-fulfilment", html)
    assert '<td data-label="Sagas" class="number">2+</td>' in html
    assert "2+ sagas<" in page(viewer, PAGE)


def test_types_that_nobody_described_are_listed_with_a_way_to_describe_them(
    scene: Scene, viewer: Person
) -> None:
    for number in range(3):
        make_saga(f"x-{number}", saga_type="never/described")
    html = page(viewer, "/definitions/")
    assert "Order fulfilment" in html
    undescribed = html[html.index("Seen, but not described") :]
    assert "never/described" in undescribed
    assert '<td data-label="Sagas" class="number">3</td>' in undescribed
    address = "/definitions/seen/?type=never%2Fdescribed"
    assert f'href="{address}"' in undescribed
    assert "never/described, as it was seen" in page(viewer, address)


def test_an_older_version_says_so(scene: Scene, viewer: Person) -> None:
    newer = scene.definition.source.replace('version: "3"', 'version: "4"')
    definitions.load(newer, "orders.yaml", ADA)
    assert "Not the newest" in page(viewer, PAGE)
    assert "Not the newest" not in page(viewer, "/definitions/order-fulfilment/4/")


def test_versions_tell_how_many_sagas_they_have(scene: Scene, viewer: Person) -> None:
    definitions.load(ORDERS.replace('"3"', '"4"'), "orders.yaml", ADA)
    html = page(viewer, PAGE)
    versions = html[html.index('id="versions"') :]
    assert "0 sagas" in versions
    assert "1 saga<" in versions


# How the steps went


def went(step: str, days_ago: int, **counts: int) -> None:
    StepDay.objects.create(
        saga_type="order-fulfilment",
        version="3",
        step=step,
        day=timezone.now().date() - timedelta(days=days_ago),
        forward=Durations([2.0] * 98 + [9.0] * 2).pack(),
        **counts,
    )


def test_nothing_that_ended_is_said_to_be_nothing(scene: Scene, viewer: Person) -> None:
    html = page(viewer, PAGE)
    assert "No saga of this version has ended in the last 14 days." in html


def test_how_the_steps_went_is_told_in_numbers(scene: Scene, viewer: Person) -> None:
    went("charge-card", 0, completed=96, failed=3, unanswered=1, compensated=2)
    went("charge-card", 13, completed=100)
    went("charge-card", 14, completed=5000)
    went("unheard-of", 1, completed=7)
    html = page(viewer, PAGE)
    days = html[html.index("How they went") : html.index("As it was loaded")]
    text = " ".join(re.sub(r"<[^>]+>", " ", days).split())
    # The sketch is exact within one per cent.
    assert re.search(r"charge card 200 (2|1\.9) s (9|8\.9) s 2 % 1 unanswered 1 %", text), text
    assert "ship parcel did not run" in text
    assert "unheard-of not in this definition 7" in text
    label = "runs on each of the last 14 days, the newest last: 100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100"
    assert label in days


def test_one_step_is_told_day_by_day(scene: Scene, viewer: Person) -> None:
    went("charge-card", 0, completed=96, failed=3, unanswered=1, compensated=2)
    went("charge-card", 2, completed=1)
    address = f"{PAGE}?step=charge-card"
    html = page(viewer, address)
    assert "charge card, day by day" in html
    answer = viewer.browser.get(address, headers={"HX-Request": "true", "HX-Target": "days"})
    part = answer.content.decode()
    assert "<html" not in part
    rows = re.findall(r"<tr>.*?</tr>", part[part.index("day by day") :], re.S)
    assert len(rows) == 3
    assert "4 %" in rows[1]
    assert "day by day" not in page(viewer, f"{PAGE}?step=no-such-step")


# What changed


def test_two_versions_stand_side_by_side(scene: Scene, viewer: Person) -> None:
    newer = (
        ORDERS.replace('version: "3"', 'version: "4"')
        .replace("deadline: 30s", "deadline: 45s")
        .replace("title: refund card", "title: pay back")
    )
    definitions.load(newer, "orders.yaml", ADA)
    html = page(viewer, "/definitions/order-fulfilment/4/")
    assert 'href="?with=3"' in html
    for address in ("/definitions/order-fulfilment/4/?with=3", f"{PAGE}?with=4"):
        html = page(viewer, address)
        assert "What changed from v3 to v4" in html
        assert "Ship parcel: deadline was 30 s, and is 45 s." in html
        assert "Charge card: compensation, title was refund card, and is pay back." in html
        assert html.count('class="line-changed"') == 3
        assert '<td class="line-old">    deadline: 30s</td>' in html
        assert '<td class="line-new">    deadline: 45s</td>' in html
        assert "lines are the same" in html
        assert html.count("node-told") == 8
    assert viewer.browser.get(f"{PAGE}?with=99").status_code == 404


def test_versions_that_differ_only_in_their_text_say_so(scene: Scene, viewer: Person) -> None:
    definitions.load(ORDERS.replace('version: "3"', 'version: "4" # night shift'), "orders.yaml", ADA)
    html = page(viewer, f"{PAGE}?with=4")
    assert "Both say the same." in html
    assert "Only their texts differ" in html
    assert "The texts are the same." in page(viewer, f"{PAGE}?with=3")
