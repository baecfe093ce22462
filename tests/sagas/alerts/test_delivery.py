"""Delivery: nothing lost, nobody told twice by two, a message that comes twice has the same id."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from structlog.testing import capture_logs

from sagas import tasks
from sagas.alerts import delivery as delivering
from sagas.alerts import policy, registered
from sagas.alerts.channels import KINDS, calling
from sagas.alerts.channels.kind import Sent
from sagas.alerts.channels.webhook import sending
from sagas.alerts.delivery import LEASE, MOST_ATTEMPTS, claim, deliver, message_of, pause
from sagas.detection.sweep import sweep
from sagas.models import Alert, Delivery, DeliveryAttempt, Heartbeat, Preferences, Problem, Watch
from tests.sagas.alerts.receivers import MailServer, Receiver
from tests.sagas.storing import define, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each problem is told by itself, though all are of one participant."""
    monkeypatch.setattr(policy, "STORM", timedelta(-1))


def break_something(saga_id: str = "o-1") -> None:
    define()
    put("saga.started charge:S charge:C ship:S", saga_id, ago=31)
    sweep()


def make_due() -> None:
    Delivery.objects.update(next_attempt_at=timezone.now())


def test_a_new_problem_sends_one_mail_and_one_webhook(mails: MailServer, hooks: Receiver) -> None:
    break_something("o-1")
    break_something("o-2")
    assert deliver() == 3
    assert sorted(mails.recipients) == ["oncall@shop.example", "orders@shop.example"]
    assert [hook.body["type"] for hook in hooks.hooks] == ["problem.opened"]
    assert deliver() == 0
    assert {one.state for one in Delivery.objects.all()} == {"sent"}
    assert all(one.sent_at and one.attempts == 1 for one in Delivery.objects.all())
    assert [one.error for one in DeliveryAttempt.objects.all()] == ["", "", ""]


def test_who_reads_what_was_sent_cannot_act_by_it(mails: MailServer, hooks: Receiver) -> None:
    break_something()
    deliver()
    assert "/alerts/act/" in hooks.hooks[0].body["data"]["acts"]["acknowledge"]
    assert len(DeliveryAttempt.objects.exclude(request="").exclude(request__contains="/alerts/act/")) == 3


def test_each_hears_of_times_by_the_clock_of_its_route(mails: MailServer, hooks: Receiver) -> None:
    break_something()
    delivery = Delivery.objects.filter(channel__name=registered.WEBHOOK).get()
    start, end = (
        "shipping was asked to ship parcel at ",
        " and has not answered; its 30 s deadline passed just now.",
    )
    for zone in ("UTC", "Asia/Tokyo"):
        delivery.zone = zone
        told = message_of(delivery).story
        assert told.startswith(start) and told.endswith(end)
        asked = delivery.alert.created_at - timedelta(seconds=31)
        by_the_clock = asked.astimezone(ZoneInfo(zone))
        assert told.removeprefix(start).removesuffix(end).endswith(f"{by_the_clock:%H:%M:%S %Z}")


def test_what_was_written_before_sentences_had_parts_is_told_whole(
    mails: MailServer, hooks: Receiver
) -> None:
    break_something()
    alert = Alert.objects.get()
    del alert.summary["sentence"]
    alert.summary["story"] = "shipping has not answered."
    alert.save()
    deliver()
    assert [hook.body["data"]["story"] for hook in hooks.hooks] == ["shipping has not answered."]


def test_resolved_is_told_too(mails: MailServer, hooks: Receiver) -> None:
    break_something()
    deliver()
    put("ship:C", first=4)
    now = timezone.now()
    sweep(now)
    sweep(now + policy.QUIET)
    make_due()
    assert deliver() == 3
    assert [hook.body["type"] for hook in hooks.hooks] == ["problem.opened", "problem.resolved"]
    said = "[Amends] Resolved: order: ship parcel never answered · 1 saga had it"
    assert mails.mails[-1]["subject"].strip() == said


def test_a_failure_is_tried_again_with_the_same_id_and_is_visible(hooks: Receiver) -> None:
    hooks.answers = [503, 500]
    put("saga.started charge:T")
    sweep()
    deliver()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("pending", 1)
    assert 3 < (delivery.next_attempt_at - timezone.now()).total_seconds() < 7
    assert deliver() == 0
    make_due()
    deliver()
    make_due()
    deliver()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("sent", 3)
    assert len({hook.id for hook in hooks.hooks}) == 1
    assert [one.error for one in delivery.tries.order_by("pk")] == ["It answered 503", "It answered 500", ""]


def test_attempts_are_used_up_after_about_a_day(hooks: Receiver) -> None:
    assert [pause(attempts, 0.5) for attempts in (1, 2, 3, 4, 7, 8, 29)] == [5, 15, 45, 135, 3600, 3600, 3600]
    assert pause(1, 0) == 4
    assert pause(1, 0.999) < 6
    total = sum(pause(attempts, 0.5) for attempts in range(1, MOST_ATTEMPTS))
    assert 23 * 3600 < total < 25 * 3600
    hooks.answers = [500]
    put("saga.started charge:T")
    sweep()
    Delivery.objects.update(attempts=MOST_ATTEMPTS - 1)
    deliver()
    assert Delivery.objects.get().state == "failed"
    make_due()
    assert deliver() == 0


def test_what_can_never_arrive_is_given_up_at_once(hooks: Receiver) -> None:
    hooks.answers = [410]
    put("saga.started charge:T")
    sweep()
    deliver()
    assert Delivery.objects.get().state == "failed"


def test_an_address_that_was_taken_out_of_the_settings_is_not_called(hooks: Receiver, settings: Any) -> None:
    put("saga.started charge:T")
    sweep()
    settings.ALERT_WEBHOOK_URLS = []
    deliver()
    assert not hooks.hooks
    assert (
        Delivery.objects.get().tries.get().error
        == "It is no longer among the addresses of ALERT_WEBHOOK_URLS."
    )


def test_a_mistake_of_ours_in_one_message_does_not_keep_the_others_waiting(
    mails: MailServer, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("saga.started charge:T")
    sweep()
    monkeypatch.setattr(sending, "payload", lambda message: {}["nothing"])
    with capture_logs() as logs:
        deliver()
    assert dict(Delivery.objects.values_list("channel__kind", "state")) == {
        "email": "sent",
        "webhook": "pending",
    }
    error = DeliveryAttempt.objects.get(delivery__channel__kind="webhook").error
    assert error == "Amends made a mistake: KeyError, see its log."
    assert "alerts: a message could not be made" in [line["event"] for line in logs]


def test_an_address_that_is_given_twice_is_told_once(settings: Any) -> None:
    settings.ALERT_EMAIL_TO = ["a@shop.example", "A@shop.example", "a@shop.example"]
    settings.ALERT_WEBHOOK_URLS = ["https://hooks.example"] * 2
    (mail, hook) = registered.usable([registered.EMAIL, registered.WEBHOOK])
    assert registered.targets(mail, ["a@SHOP.example", "A@shop.example"]) == ["a@shop.example"]
    assert registered.targets(hook) == ["https://hooks.example"]


def test_one_dead_channel_does_not_keep_the_others_waiting(mails: MailServer, settings: Any) -> None:
    settings.ALERT_WEBHOOK_URLS = ["http://127.0.0.1:1/"]
    settings.ALERT_WEBHOOK_SECRET = "whsec_" + "YW5vdGhlcg=="
    put("saga.started charge:T")
    sweep()
    deliver()
    states = dict(Delivery.objects.values_list("channel__kind", "state"))
    assert states == {"email": "sent", "webhook": "pending"}


def test_a_receiver_that_hangs_keeps_nobody_waiting(
    mails: MailServer, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "LONGEST", 1.0)
    hooks.slow = 3
    put("saga.started charge:T")
    sweep()
    deliver()
    email, hook = Delivery.objects.get(channel__kind="email"), Delivery.objects.get(channel__kind="webhook")
    assert (email.state, hook.state) == ("sent", "pending")
    assert email.sent_at < hook.tries.get().at - timedelta(seconds=0.5)


def test_what_is_new_goes_before_what_is_tried_again(hooks: Receiver, apart: None) -> None:
    put("saga.started old:T", "o-1")
    sweep()
    Delivery.objects.update(attempts=3, next_attempt_at=timezone.now() - timedelta(hours=1))
    put("saga.started new:T", "o-2")
    sweep()
    (first,) = claim(timezone.now(), most=1)
    assert first.alert.problem.step == "new"


@pytest.mark.django_db(transaction=True)
def test_one_deliverer_at_a_time(hooks: Receiver) -> None:
    put("saga.started charge:T")
    sweep()
    seen = []

    def another() -> None:
        seen.append(deliver())
        connection.close()

    with delivering.turn() as is_ours:
        assert is_ours
        thread = threading.Thread(target=another)
        thread.start()
        thread.join()
    assert seen == [0]
    assert not hooks.hooks
    assert deliver() == 1


def test_nobody_reads_that_it_is_over_before_that_it_began(hooks: Receiver) -> None:
    hooks.answers = [503]
    break_something()
    Delivery.objects.filter(channel__kind="email").delete()
    deliver()
    put("ship:C", first=4)
    now = timezone.now()
    sweep(now)
    sweep(now + policy.QUIET)
    Delivery.objects.filter(channel__kind="email").delete()
    assert deliver() == 0
    make_due()
    assert deliver() == 2
    assert [hook.body["type"] for hook in hooks.hooks] == [
        "problem.opened",
        "problem.opened",
        "problem.resolved",
    ]


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_between_sending_and_recording(
    hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("saga.started charge:T")
    sweep()

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(delivering, "record_sent", die)
        with pytest.raises(KeyboardInterrupt):
            deliver()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("pending", 1)
    assert deliver() == 0, "the lease holds"
    assert len(claim(timezone.now() + LEASE + timedelta(seconds=1))) == 1
    make_due()
    assert deliver() == 1
    assert [hook.id for hook in hooks.hooks] == [str(delivery.message_id)] * 2
    assert Delivery.objects.get().state == "sent"


@pytest.mark.django_db(transaction=True)
def test_a_late_failure_does_not_take_back_what_another_has_sent(hooks: Receiver) -> None:
    put("saga.started charge:T")
    sweep()
    (slow,) = claim(timezone.now())
    make_due()
    assert deliver() == 1
    delivering.record_failure(slow, delivering.DeliveryError("too late"), timezone.now())
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries.count()) == ("sent", 2)


@pytest.mark.django_db(transaction=True)
def test_deliverers_side_by_side_send_each_once(hooks: Receiver, apart: None) -> None:
    for number in range(8):
        put(f"saga.started step-{number}:T", f"o-{number}")
    sweep()
    assert Problem.objects.count() == 8

    def work() -> None:
        try:
            deliver()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hooks.hooks) == len({hook.id for hook in hooks.hooks}) == 8
    assert {one.attempts for one in Delivery.objects.all()} == {1}


def test_nothing_is_sent_inside_of_a_transaction(hooks: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a test all is inside of one; so the savepoints are counted."""
    put("saga.started charge:T")
    sweep()
    outside = len(connection.savepoint_ids)
    seen = []
    kind = KINDS["webhook"]

    def send(*given: Any) -> Sent:
        seen.append(len(connection.savepoint_ids))
        return kind.send(*given)

    monkeypatch.setitem(KINDS, "webhook", replace(kind, send=send))
    deliver()
    assert seen == [outside]


def test_the_tasks_do_it_and_leave_signs_of_life(hooks: Receiver) -> None:
    put("saga.started charge:T")
    tasks.sweep()
    tasks.deliver_alerts()
    assert len(hooks.hooks) == 1
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"sweep", "deliver_alerts"}


@pytest.mark.django_db(transaction=True)
def test_threads_that_send_keep_no_connection(mails: MailServer, hooks: Receiver) -> None:
    """Who is told as a person is looked up when it is sent, on a thread that ends."""
    ada = User.objects.create(username="ada", email="ada@shop.example", is_superuser=True)
    Preferences.objects.create(user=ada, mail=ada.email)
    Watch.objects.create(user=ada, saga_type="order", created_at=timezone.now())
    break_something()
    make_due()
    deliver()
    assert "ada@shop.example" in mails.recipients
    pool = connection.pool.get_stats()
    # This test's own.
    assert pool["pool_size"] - pool["pool_available"] == 1
