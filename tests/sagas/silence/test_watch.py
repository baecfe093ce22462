"""Silences in the database: one problem for an outage, sagas judged anew, nothing after a restart."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from sagas import hearing, participants
from sagas.audit import Actor
from sagas.detection import sweep as sweeping
from sagas.detection.silence import learning, watch
from sagas.detection.silence.rhythm import PERIOD
from sagas.detection.sweep import HEARTBEAT, sweep
from sagas.models import Alert, Finding, Hearing, Listening, Participant, Problem, Rhythm, Saga, Silence
from tests.blocking import wait_until_somebody_waits
from tests.sagas.storing import define, put

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


class Shop:
    """A clock, and participants that speak every few seconds until they are told to be quiet."""

    def __init__(self, *names: str, learned: bool = True) -> None:
        define()
        self.now = timezone.now()
        self.speaking = {name: participants.create(name, Actor.system()) for name in names}
        if learned:
            for one in self.speaking.values():
                self.learn(one)
        self.hear()
        sweep(self.now)
        Listening.objects.update(since=self.now - timedelta(days=1))

    def learn(self, one: Participant, *, known_for: timedelta = 2 * PERIOD) -> None:
        """It spoke every 4 s; that it is silent after 60 s follows."""
        start = self.now - known_for
        Rhythm.objects.create(
            participant=one, since=start, until=self.now, period_since=start, usual=4, patience=60
        )

    def hear(self) -> None:
        for one in self.speaking.values():
            heard(one, self.now)

    def pass_by(self, seconds: float) -> None:
        """A sweep every ten seconds; whoever speaks is heard before each."""
        until = self.now + seconds * SECOND
        while self.now < until:
            self.now = min(until, self.now + 10 * SECOND)
            self.hear()
            sweep(self.now)

    def silence(self, name: str) -> Participant:
        return self.speaking.pop(name)

    def ask(self, count: int, words: str = "saga.started charge:S", name: str = "o") -> None:
        for number in range(count):
            put(words, f"{name}-{number}", now=self.now)


def heard(one: Participant, *moments: datetime) -> None:
    for at in moments:
        with connection.cursor() as cursor:
            cursor.execute(hearing.WRITE, [[one.pk], [at], hearing.MOST_TICKS])


def open_codes() -> dict[str, int]:
    rows = Problem.objects.filter(closed_at=None)
    return {f"{row.code} {row.step}".strip(): row.open_count for row in rows}


def test_an_outage_is_one_problem_however_many_sagas_wait() -> None:
    shop = Shop("payment", "shipping")
    payment = shop.silence("payment")
    since = shop.now
    # Asked now and in two minutes; their deadlines are 10 s.
    shop.ask(500, name="early")
    shop.pass_by(120)
    shop.ask(500, name="late")
    shop.pass_by(60)
    assert open_codes() == {"source_silent payment": 1000}
    silence = Silence.objects.get()
    assert (silence.participant, silence.since, silence.closed_at) == (payment, since, None)
    problem = silence.problem
    assert (problem.saga_type, problem.participant, problem.title) == (
        "",
        "payment",
        "payment has gone silent",
    )
    assert problem.explanation.endswith("normally it speaks every 4 s")
    assert not Finding.objects.filter(code="step_in_doubt", closed_at=None).exists()
    finding = Finding.objects.filter(closed_at=None, code="source_silent").first()
    assert finding.detail["instead_of"] == "step_in_doubt"
    assert set(Saga.objects.values_list("condition", flat=True)) == {"stuck"}
    assert Problem.objects.count() == 2, "what was in doubt before anybody could know is over"


def test_when_it_speaks_again_all_are_judged_by_what_they_then_are() -> None:
    shop = Shop("payment", "shipping")
    payment = shop.silence("payment")
    shop.ask(40)
    shop.pass_by(120)
    for number in range(20):
        put("charge:C", f"o-{number}", now=shop.now, first=2)
    shop.speaking["payment"] = payment
    shop.pass_by(20)
    assert open_codes() == {"step_in_doubt charge": 20}
    silence = Silence.objects.get()
    assert silence.closed_at is not None
    assert silence.problem.closed_at == silence.closed_at
    assert silence.problem.open_count == 0
    assert silence.problem.total_count == 40
    assert Saga.objects.filter(condition="in_doubt").count() == 20


def test_a_review_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop("payment", "shipping")
    shop.silence("payment")
    shop.ask(12)
    shop.pass_by(60)
    assert open_codes() == {"step_in_doubt charge": 12}
    monkeypatch.setattr(watch, "CHUNK", 5)
    monkeypatch.setattr(watch, "MOST_CHUNKS", 1)
    for waiting in (5, 10, 12, 12):
        shop.pass_by(10)
        assert open_codes().get("source_silent payment") == waiting
    assert Listening.objects.get().review_since is None


def test_it_is_said_although_no_saga_waits() -> None:
    shop = Shop("payment", "shipping")
    shop.silence("payment")
    shop.pass_by(60)
    assert open_codes() == {}
    shop.pass_by(10)
    assert open_codes() == {"source_silent payment": 0}
    shop.pass_by(600)
    assert [alert.occasion for alert in Alert.objects.all()] == ["opened"]
    assert Silence.objects.count() == 1


def test_it_is_told_once_and_once_when_it_is_over() -> None:
    shop = Shop("payment", "shipping")
    payment = shop.silence("payment")
    shop.pass_by(70)
    shop.ask(50)
    shop.pass_by(120)
    shop.speaking["payment"] = payment
    for number in range(50):
        put("charge:C ship:S ship:C", f"o-{number}", now=shop.now, first=2)
    shop.pass_by(60)
    told = Alert.objects.filter(problem__code="source_silent").order_by("pk")
    assert [alert.occasion for alert in told] == ["opened", "resolved"]
    assert not Alert.objects.exclude(problem__code="source_silent").exists()


def test_nobody_is_silent_after_a_restart() -> None:
    shop = Shop("payment", "shipping")
    shop.silence("payment")
    # Nothing swept, and nobody could be heard.
    shop.now += timedelta(hours=8)
    sweep(shop.now)
    shop.pass_by(60)
    assert not Silence.objects.exists()
    shop.pass_by(10)
    assert Silence.objects.get().participant.name == "payment"


def test_a_silence_outlasts_a_restart() -> None:
    shop = Shop("payment", "shipping")
    shop.silence("payment")
    shop.pass_by(120)
    shop.now += timedelta(hours=8)
    shop.hear()
    sweep(shop.now)
    assert Silence.objects.get().closed_at is None


def test_who_never_spoke_is_never_silent() -> None:
    shop = Shop("shipping")
    participants.create("ledger", Actor.system(), speaks_every=10)
    shop.pass_by(3600)
    assert not Silence.objects.exists()


def test_what_was_declared_counts_more_than_what_was_learned() -> None:
    shop = Shop("payment", "shipping", "mail")
    for name, given in {"payment": {"speaks_every": 300}, "mail": {"may_be_silent": True}}.items():
        one = shop.silence(name)
        participants.change(one, Actor.system(), **given)
    shop.pass_by(300)
    assert not Silence.objects.exists()
    shop.pass_by(10)
    assert [silence.participant.name for silence in Silence.objects.all()] == ["payment"]
    assert Silence.objects.get().problem.explanation.endswith("it should speak at least every 5 min")


def test_a_silence_is_over_when_it_is_declared_that_it_may_be() -> None:
    shop = Shop("payment", "shipping")
    payment = shop.silence("payment")
    shop.pass_by(120)
    participants.change(payment, Actor.system(), may_be_silent=True)
    shop.pass_by(10)
    assert open_codes() == {}
    assert Silence.objects.get().closed_at is not None


def test_all_at_once_are_one_statement_and_get_their_time_again() -> None:
    shop = Shop("payment", "shipping", "mail")
    everybody = dict(shop.speaking)
    shop.speaking = {}
    shop.ask(3)
    shop.pass_by(120)
    assert open_codes() == {"source_silent": 3}
    problem = Problem.objects.get(closed_at=None)
    assert (problem.title, problem.participant) == ("no participant is heard", "")
    assert Silence.objects.filter(closed_at=None, problem=problem).count() == 3
    last = Silence.objects.filter(closed_at=None).values_list("since", flat=True).first()
    # One is heard: Amends can be reached again, and the others have a minute.
    shop.speaking = {"mail": everybody["mail"]}
    shop.pass_by(60)
    assert open_codes() == {"step_in_doubt charge": 3}
    assert Listening.objects.get().deaf_since == last
    shop.pass_by(20)
    assert open_codes() == {"source_silent payment": 3, "source_silent shipping": 0}


def test_a_new_rhythm_is_shown_and_told_only_when_a_saga_waits() -> None:
    shop = Shop("shipping", "payment", learned=False)
    for one in shop.speaking.values():
        shop.learn(one, known_for=timedelta(hours=5))
    shop.silence("payment")
    shop.pass_by(70)
    assert Problem.objects.get().severity == "warning"
    assert not Alert.objects.exists()
    shop.ask(1)
    shop.pass_by(20)
    assert Problem.objects.get().severity == "error"
    assert Alert.objects.get().occasion == "opened"


def test_an_outage_within_the_hour_is_the_same_problem_again() -> None:
    shop = Shop("payment", "shipping")
    payment = shop.silence("payment")
    shop.pass_by(70)
    shop.speaking["payment"] = payment
    shop.pass_by(10)
    shop.silence("payment")
    shop.pass_by(70)
    assert Silence.objects.count() == 2
    assert Problem.objects.get().closed_at is None


def test_a_rhythm_is_learned_from_what_was_heard() -> None:
    shop = Shop("payment", learned=False)
    payment = shop.speaking["payment"]
    Listening.objects.update(since=shop.now - timedelta(days=1))
    Hearing.objects.update(ticks=[])
    start = shop.now - timedelta(hours=2)
    heard(payment, *(start + number * 10 * SECOND for number in range(720)))
    assert learning.learn(shop.now) == 1
    rhythm = Rhythm.objects.get()
    assert (rhythm.usual, rhythm.patience) == (pytest.approx(10, rel=0.02), 60)
    assert Hearing.objects.get().ticks == []
    assert Hearing.objects.get().heard_at == shop.now
    assert learning.learn(shop.now) == 0
    # Few moments wait, until they have waited long enough.
    heard(payment, shop.now + SECOND)
    assert learning.learn(shop.now + 2 * SECOND) == 0
    assert learning.learn(shop.now + 40 * SECOND) == 1


def test_a_rhythm_that_cannot_be_read_does_not_stop_the_others() -> None:
    shop = Shop("payment", "shipping")
    Rhythm.objects.filter(participant__name="payment").update(pauses=b"\x01nonsense")
    shop.pass_by(40)
    assert learning.learn(shop.now + 60 * SECOND) == 2
    assert Rhythm.objects.get(participant__name="shipping").until == shop.now
    assert not Hearing.objects.exclude(ticks=[]).exists()


def test_what_nobody_learned_from_stays_bounded() -> None:
    shop = Shop("payment")
    payment = shop.speaking["payment"]
    Hearing.objects.update(ticks=[])
    heard(payment, *(shop.now + number * SECOND for number in range(hearing.MOST_TICKS + 5)))
    ticks = Hearing.objects.get().ticks
    assert len(ticks) == hearing.MOST_TICKS
    assert ticks[-1] == shop.now + (hearing.MOST_TICKS + 4) * SECOND


def test_when_nobody_is_silent_a_sweep_costs_one_query_more(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop("payment", "shipping")
    ours = []
    run = watch.run
    monkeypatch.setattr(
        watch, "run", lambda statement, **given: ours.append(statement) or run(statement, **given)
    )
    shop.pass_by(10)
    assert len(ours) == 1


@pytest.mark.django_db(transaction=True)
def test_sweeps_side_by_side_open_one_silence() -> None:
    shop = Shop("payment", "shipping")
    shop.silence("payment")
    shop.ask(30)
    shop.pass_by(60)
    shop.now += 10 * SECOND
    shop.hear()
    _side_by_side(lambda: sweep(shop.now), 4)
    sweep(shop.now)
    assert Silence.objects.count() == 1
    assert open_codes() == {"source_silent payment": 30}


@pytest.mark.django_db(transaction=True)
def test_a_chunk_that_is_judged_while_somebody_falls_silent_is_not_overlooked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever judges by what was known before keeps the silence waiting; what it found is judged anew."""
    shop = Shop("payment", "shipping")
    shop.silence("payment")
    shop.pass_by(60)
    shop.ask(3)
    shop.now += 10 * SECOND
    shop.hear()
    known, rivals = watch.known, []

    def overtaken():
        found = known()
        if not rivals:
            rival = threading.Thread(target=_and_close(lambda: watch.watch(shop.now, HEARTBEAT)))
            rivals.append(rival)
            rival.start()
            # Who falls silent must wait for whoever judges.
            wait_until_somebody_waits()
        return found

    monkeypatch.setattr(watch, "known", overtaken)
    sweeping._sweep_chunk(shop.now + 20 * SECOND)
    rivals[0].join()
    assert open_codes() == {"step_in_doubt charge": 3, "source_silent payment": 0}
    sweep(shop.now + 20 * SECOND)
    assert open_codes() == {"source_silent payment": 3}


@pytest.mark.django_db(transaction=True)
def test_a_settlement_that_dies_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop("payment", "shipping")
    shop.silence("payment")
    shop.pass_by(60)
    shop.now += 10 * SECOND
    shop.hear()

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(watch.changes, "tell", die)
        with pytest.raises(KeyboardInterrupt):
            watch.watch(shop.now, HEARTBEAT)
    assert not Silence.objects.exists()
    assert not Problem.objects.exists()
    sweep(shop.now)
    assert open_codes() == {"source_silent payment": 0}


def _side_by_side(work, times: int) -> None:
    threads = [threading.Thread(target=_and_close(work)) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _and_close(work):
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    return run
