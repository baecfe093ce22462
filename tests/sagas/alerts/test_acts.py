"""What people do about a problem that they were told of, and channels that take nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing as django_signing
from django.utils import timezone

from sagas.alerts import acts, delivery, health, registered, setup, signing, trying
from sagas.alerts.acts import ActError
from sagas.alerts.delivery import deliver
from sagas.alerts.routing import Route, Step
from sagas.alerts.signing import Link, LinkError
from sagas.audit import Actor
from sagas.definitions.fields import Seconds
from sagas.detection.sweep import sweep
from sagas.models import Alert, AuditEntry, Channel, Delivery, Incident, Preferences, Problem
from tests.sagas.alerts.receivers import SECRET, MailServer, Receiver
from tests.sagas.storing import put

pytestmark = pytest.mark.django_db
ANNA = Actor("person", "anna")


@pytest.fixture
def incident(settings: Any) -> Incident:
    """Told to a webhook, and to another one ten minutes later."""
    for name in ("first", "second"):
        config = {"urls": f"https://{name}.example/", "secret": SECRET}
        setup.save_channel(name, "webhook", config, ANNA)
    steps = (Step(("first",)), Step(("second",), Seconds(600)))
    setup.save_route(Route(name="on call", steps=steps), ANNA)
    put("saga.started charge:T")
    sweep()
    return Incident.objects.get()


def told() -> list[tuple[str, list[str]]]:
    rows = Alert.objects.order_by("pk").prefetch_related("deliveries__channel")
    return [(row.occasion, [one.channel.name for one in row.deliveries.all()]) for row in rows]


def later(seconds: float) -> Any:
    return timezone.now() + timedelta(seconds=seconds)


def test_who_acknowledges_stops_the_steps_and_the_others_read_it(incident: Incident) -> None:
    acts.acknowledge(incident.pk, ANNA, timezone.now())
    sweep(later(700))
    assert told() == [("opened", ["first"]), ("acknowledged", ["first"])]
    assert Alert.objects.last().summary["handled"] == "anna sees to it."
    assert AuditEntry.objects.filter(action="incident.acknowledged", actor="anna").count() == 1
    acts.resume(incident.pk, ANNA, later(800))
    sweep(later(801))
    sweep(later(1402))
    assert told()[2:] == [("escalated", ["second"])]


def test_without_an_acknowledgement_the_next_hear(incident: Incident) -> None:
    sweep(later(590))
    sweep(later(601))
    sweep(later(9000))
    assert told() == [("opened", ["first"]), ("escalated", ["second"])]


def test_what_is_put_off_comes_back_then(incident: Incident) -> None:
    acts.snooze(incident.pk, later(3600), ANNA, timezone.now())
    sweep(later(1000))
    assert [occasion for occasion, _ in told()] == ["opened", "acknowledged"]
    sweep(later(3601))
    assert told()[2:] == [("escalated", ["first"])]
    incident.refresh_from_db()
    assert (incident.snoozed_at, incident.snoozed_until) == (None, None)


def test_what_is_put_off_until_it_has_grown(incident: Incident) -> None:
    acts.snooze(incident.pk, None, ANNA, timezone.now())
    sweep(later(7200))
    assert [occasion for occasion, _ in told()] == ["opened", "acknowledged"]
    put("saga.started charge:T", "o-2")
    sweep(later(7201))
    assert told()[2:] == [("worsened", ["first"])]


def test_it_is_assigned_and_what_is_over_is_not(incident: Incident) -> None:
    assert acts.assign(incident.pk, "bert", ANNA, timezone.now()).assignee == "bert"
    assert acts.incident_of(Problem.objects.get()) == incident
    put("charge:F saga.failed", now=later(10), first=3)
    sweep(later(11))
    sweep(later(30))
    assert told()[-1] == ("resolved", ["first"])
    for act in (acts.acknowledge, acts.resume):
        with pytest.raises(ActError, match="It is over already"):
            act(incident.pk, ANNA, later(31))


def test_whom_it_is_assigned_to_hears_of_it_and_nothing_is_acknowledged_by_it(incident: Incident) -> None:
    bert = User.objects.create(username="bert", is_superuser=True)
    Preferences.objects.create(user=bert, mail="bert@shop.example")
    acts.assign(incident.pk, "bert", ANNA, timezone.now())
    assert told()[-1] == ("assigned", ["first", registered.PEOPLE])
    (mail,) = Delivery.objects.filter(target="bert@shop.example").select_related("alert")
    assert mail.because == "it was assigned to you"
    assert mail.alert.summary["handled"] == "anna assigned it to bert."
    # Who takes it upon themselves need not be told, nor anybody by name that it is nobody's again.
    for to, by in (("bert", Actor("person", "bert")), ("", ANNA)):
        acts.assign(incident.pk, to, by, timezone.now())
        assert told()[-1] == ("assigned", ["first"])
    sweep(later(700))
    assert ("escalated", ["second"]) in told()


@pytest.mark.parametrize("until", [-1, 31 * 86400])
def test_nothing_is_put_off_for_ever_or_into_the_past(incident: Incident, until: float) -> None:
    with pytest.raises(ActError, match="Put it off until a time between now and 30 days"):
        acts.snooze(incident.pk, later(until), ANNA, timezone.now())


def test_a_link_is_good_for_one_incident_and_a_week(incident: Incident, monkeypatch: Any) -> None:
    message = delivery.message_of(Delivery.objects.get())
    assert message.acts
    token = message.acts.acknowledge.rpartition("/")[2]
    assert message.acts.snooze == f"{message.acts.acknowledge}?put-off"
    assert signing.read(token) == Link(incident.pk, "first.example")
    for wrong in (token[:-1], "", "x:y:z", django_signing.dumps([incident.pk, "x"])):
        with pytest.raises(LinkError, match="not whole"):
            signing.read(wrong)
    monkeypatch.setattr(signing, "LIFE", timedelta(seconds=-1))
    with pytest.raises(LinkError, match="was good for"):
        signing.read(token)


def test_a_channel_that_takes_nothing_is_told_of_and_stood_in_for(mails: MailServer, hooks: Receiver) -> None:
    hooks.answers = [503, 503]
    put("saga.started charge:T")
    sweep()
    deliver()
    hook = Channel.objects.get(name="ALERT_WEBHOOK_URLS")
    assert hook.failing_since and not hook.dead_since
    assert health.see_to(hook.failing_since + timedelta(minutes=1)) == 0
    mails.mails.clear()
    Channel.objects.filter(pk=hook.pk).update(failing_since=timezone.now() - timedelta(minutes=3))
    deliver()
    deliver()
    assert [mail["subject"].strip() for mail in mails.mails] == [
        "[Amends] The channel “ALERT_WEBHOOK_URLS” takes nothing"
    ]
    assert "It was said last: It answered 503" in str(mails.mails[0].get_body(("plain",)).get_content())
    # It is tried on, and when it is back people hear of that, too.
    hooks.answers = []
    Delivery.objects.filter(state="pending").update(next_attempt_at=timezone.now())
    deliver()
    deliver()
    assert "takes messages again" in mails.mails[-1]["subject"]
    # In one thread, so that a paging service resolves what it opened.
    told = [delivery.message_of(one) for one in Delivery.objects.filter(alert__problem=None).order_by("pk")]
    assert [one.occasion for one in told] == ["notice", "resolved"]
    assert told[0].thread == told[1].thread != f"amends-{Alert.objects.filter(problem=None).first().pk}"
    hook.refresh_from_db()
    assert (hook.failing_since, hook.dead_since) == (None, None)


def test_what_fails_for_good_is_told_to_the_default_routes_channels(
    mails: MailServer, hooks: Receiver
) -> None:
    config = {"urls": hooks.url, "secret": SECRET}
    setup.save_channel("ops", "webhook", config, ANNA)
    setup.save_route(Route(name="all", steps=(Step(("ops",)),)), ANNA)
    setup.save_route(Route(name="default", steps=(Step(("ALERT_EMAIL_TO",)),)), ANNA)
    hooks.answers = [410]
    put("saga.started charge:T")
    sweep()
    deliver()
    deliver()
    (mail,) = mails.mails
    assert "it stands in for “ops”, which takes nothing" in mail.get_body(("plain",)).get_content()
    deliver()
    assert len(mails.mails) == 1


def test_a_channel_gets_no_more_than_its_messages_a_minute(hooks: Receiver) -> None:
    put("saga.started charge:T")
    sweep()
    (row,) = registered.usable([registered.WEBHOOK])
    Channel.objects.filter(pk=row.pk).update(per_minute=3)
    first = Delivery.objects.get()
    for number in range(9):
        alert = Alert.objects.create(
            occasion="notice", created_at=timezone.now(), summary=first.alert.summary
        )
        Delivery.objects.create(
            alert=alert,
            channel=row,
            target=hooks.url,
            message_id=f"00000000-0000-0000-0000-00000000000{number}",
            next_attempt_at=timezone.now(),
        )
    assert sum(deliver() for _ in range(3)) == 3
    assert len(delivery.claim(later(61))) == 3


def test_a_test_is_sent_at_once_and_once(hooks: Receiver) -> None:
    (row,) = registered.usable([registered.WEBHOOK])
    (sent,) = trying.send_test(row, "anna", timezone.now())
    assert sent.state == "sent"
    assert hooks.hooks[0].body["type"] == "problem.test"
    assert SECRET not in str(sent.tries.get().request) and "tries out" in sent.tries.get().request
    hooks.answers = [500]
    (failed,) = trying.send_test(row, "anna", timezone.now())
    assert (failed.state, failed.tries.get().answer) == ("failed", "500")
    row.refresh_from_db()
    assert row.failing_since is None
    assert deliver() == 0
