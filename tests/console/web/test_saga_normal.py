"""Normal for this step: its distribution, where this one stands, and until when it may take."""

import itertools
import re
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from console.web import histogram
from console.web.histogram import APART, BARS, BASE, LEFT, RIGHT, TALLEST
from sagas import definitions
from sagas.audit import Actor
from sagas.detection.sweep import sweep
from sagas.learning import memory
from sagas.learning.learner import learn
from sagas.learning.normal import FEWEST
from sagas.learning.sketch import LONGEST, SHORTEST, Durations
from sagas.models import Saga
from sagas.vocabulary import Kind
from tests.console.cast import Person
from tests.sagas.learning.runs import TYPE, event, store, whole

PARCEL = """
type: parcel
version: "1"
{more}
steps:
  - name: pack
    title: pack the parcel
    kind: compensatable
    participant: shop
    {deadline}
    compensation: {{title: unpack, request: POST /unpack}}
"""


@pytest.fixture(autouse=True)
def now(db: None) -> datetime:
    memory.forget()
    return timezone.now()


def define(more: str = "", deadline: str = "") -> None:
    definitions.load(PARCEL.format(more=more, deadline=deadline), "parcel.yaml", Actor.system())


def teach(now: datetime, number: int = FEWEST, took: float = 2) -> None:
    store([one for n in range(number) for one in whole(f"n-{n}", took, now - timedelta(hours=1))], now)
    learn(now)


def card(saga: Saga, who: Person) -> str:
    """The card as people read it, drawings by what they are called."""
    html = who.browser.get(f"/sagas/{saga.saga_type}/{saga.saga_id}/").content.decode()
    found = re.search(r'<section class="card" id="normal".*?</section>', html, re.DOTALL)
    text = re.sub(
        r'<svg class="histogram"[^>]*aria-label="([^"]*)".*?</svg>',
        r" [\1] ",
        found[0] if found else "",
        flags=re.DOTALL,
    )
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).strip()


def begin(now: datetime, seconds: float) -> Saga:
    begun = now - timedelta(seconds=seconds)
    return store([event(1, Kind.SAGA_STARTED, begun), event(2, Kind.STEP_STARTED, begun, step="pack")], now)


def test_it_shows_where_a_running_step_stands(viewer: Person, now: datetime) -> None:
    teach(now)
    text = card(begin(now, 5), viewer)
    assert text.startswith("Normal for this step last 28 days pack This one has taken")
    assert "so far, longer than any other." in text
    assert "[How long pack took 50 times: half take 2 s or less; 95 of 100 take 2 s or less;" in text
    assert "half 2 s 95 of 100 2 s 99 of 100 2 s" in text
    assert "Of 50 that completed. Deadline 6 s, learned: past it this only warns, until 15 min." in text


def test_it_shows_where_a_completed_step_stands(viewer: Person, now: datetime) -> None:
    teach(now, took=4)
    store([one for n in range(FEWEST) for one in whole(f"m-{n}", 1, now - timedelta(hours=1))], now)
    learn(now)
    text = card(store(whole("p-1", 2, now), now), viewer)
    assert "This one took 2 s, longer than 50 of 100." in text
    assert "This one took 0.5" not in text


@pytest.mark.parametrize(
    ("more", "deadline", "says"),
    [
        ("", "deadline: 30s", "Deadline 30 s, declared."),
        ("learned: page", "", "Deadline 6 s, learned."),
        ("learned: off", "", "Deadline 15 min, the default."),
    ],
)
def test_it_says_until_when_it_may_take(
    more: str, deadline: str, says: str, viewer: Person, now: datetime
) -> None:
    define(more, deadline)
    teach(now)
    text = card(begin(now, 5), viewer)
    assert text.count("pack the parcel") == 2
    assert text.endswith(f"Of 50 that completed. {says}")


def test_it_says_when_too_little_is_known(viewer: Person, now: datetime) -> None:
    teach(now, 12)
    text = card(begin(now, 5), viewer)
    assert (
        "Seen to complete 12 times; what is normal is said from 50 on. Deadline 15 min, the default." in text
    )
    assert "[" not in text


def test_a_compensation_that_is_under_way_comes_first(viewer: Person, now: datetime) -> None:
    define()
    teach(now)
    saga = store(
        [
            *whole("p-1", 2, now - timedelta(seconds=60))[:3],
            event(5, Kind.COMPENSATION_STARTED, now - timedelta(seconds=20), step="pack"),
        ],
        now,
    )
    text = card(saga, viewer)
    assert text.index("unpack") < text.index("Other steps of this saga (1)") < text.index("pack the parcel")
    assert "unpack This one has taken" in text


def test_a_warning_says_that_nobody_is_told(viewer: Person, now: datetime) -> None:
    teach(now)
    saga = begin(now, 60)
    sweep(now)
    html = viewer.browser.get(f"/sagas/{TYPE}/{saga.saga_id}/").content.decode()
    assert "pack takes longer than usual" in html
    assert "It only warns: nobody is told." in html
    assert "99 of 100 take 2 s or less." in html


def test_of_many_steps_those_that_need_people_come_first(viewer: Person, now: datetime) -> None:
    done = [
        event(2 * number + half, kind, now - timedelta(seconds=100 - half), step=f"step-{number}")
        for number in range(1, 31)
        for half, kind in enumerate((Kind.STEP_STARTED, Kind.STEP_COMPLETED))
    ]
    failed = [event(90, Kind.STEP_STARTED, now, step="z"), event(91, Kind.STEP_TIMED_OUT, now, step="z")]
    saga = store([event(1, Kind.SAGA_STARTED, now - timedelta(seconds=200)), *done, *failed], now)
    sweep(now)
    text = card(saga, viewer)
    assert text.startswith("Normal for this step last 28 days z Seen to complete 0 times")
    assert "Other steps of this saga (11)" in text


def test_a_saga_of_which_no_step_began_has_none(viewer: Person, now: datetime) -> None:
    saga = store([event(1, Kind.SAGA_STARTED, now)], now)
    assert card(saga, viewer) == ""


def test_the_api_tells_it(viewer: Person, now: datetime) -> None:
    teach(now)
    saga = begin(now, 5)
    (step,) = viewer.browser.get(f"/api/v1/sagas/{TYPE}/{saga.saga_id}").json()["steps"]
    assert step["normal"]["samples"] == FEWEST
    assert step["normal"]["p50"] == step["normal"]["p99"] == pytest.approx(2, rel=0.01)
    assert step["normal"]["limit"] == pytest.approx(6, rel=0.02)
    assert step["compensation_normal"] is None


seconds = st.floats(SHORTEST, LONGEST)


# From ten minutes to a hundred days: an hour and a day less stand close.
@example([602.0, 856368.0], None, None)
@given(st.lists(seconds, min_size=1, max_size=60), st.none() | st.floats(0, 1e9), st.none() | seconds)
def test_whatever_is_drawn_fits(taken: list[float], this: float | None, deadline: float | None) -> None:
    drawing = histogram.draw(Durations(taken), this, deadline)
    assert 0 < len(drawing.bars) <= BARS
    for bar in drawing.bars:
        assert bar.x >= LEFT and bar.x + bar.width <= RIGHT
        assert 0 < bar.height <= TALLEST
        assert bar.y + bar.height == pytest.approx(BASE)
    for mark, given_ in ((drawing.this, this), (drawing.deadline, deadline)):
        assert (mark is None) == (given_ is None)
        assert mark is None or LEFT <= mark <= RIGHT
    places = [tick.x for tick in drawing.ticks]
    assert len(places) >= 2
    assert places == sorted(set(places))
    assert min(b - a for a, b in itertools.pairwise(places)) >= APART
