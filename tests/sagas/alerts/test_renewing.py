"""What an Alertmanager would forget is told again until it is over, and nobody sees a delivery more."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from sagas import tasks
from sagas.alerts import policy, registered, statements
from sagas.alerts.channels import KINDS
from sagas.alerts.channels.alertmanager.alerts import HOLD
from sagas.alerts.channels.kind import RENEW_EVERY
from sagas.alerts.delivery import deliver
from sagas.alerts.renewing import renew
from sagas.detection.sweep import sweep
from sagas.models import Channel, Delivery, DeliveryAttempt, Route, Thread
from tests.sagas.alerts.services.alertmanager import PASSWORD, Alertmanager
from tests.sagas.alerts.services.server import Reply, serve
from tests.sagas.storing import define, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def service() -> Iterator[Alertmanager]:
    """Told of a saga that waits."""
    service = Alertmanager()
    kind = KINDS["alertmanager"]
    with serve(service):
        config = registered.seal(kind, {"urls": [service.url], "user": "", "password": PASSWORD})
        Channel.objects.create(name="am", kind="alertmanager", config=config, per_minute=kind.per_minute)
        body = {"name": "default", "steps": [{"channels": ["am"]}]}
        Route.objects.create(position=1, name="default", is_default=True, body=body)
        define()
        put("saga.started charge:S charge:C ship:S", ago=31)
        sweep()
        deliver()
        yield service
    assert not service.wrong


def test_an_open_alert_is_posted_again_and_holds_on(service: Alertmanager) -> None:
    now = timezone.now()
    assert len(service.firing(now)) == 1
    first = dict(service.alerts)
    assert renew(now) == 1
    assert service.alerts.keys() == first.keys()
    ((_, after),) = service.alerts.items()
    assert after["endsAt"] > first.popitem()[1]["endsAt"]
    assert renew(now + RENEW_EVERY / 2) == 0
    assert renew(now + RENEW_EVERY) == 1
    # Nobody sees a delivery more.
    assert Delivery.objects.count() == DeliveryAttempt.objects.count() == 1


def test_what_is_over_ends_and_is_not_posted_again(service: Alertmanager) -> None:
    put("ship:C", first=4)
    now = timezone.now()
    sweep(now)
    sweep(now + policy.QUIET)
    Delivery.objects.update(next_attempt_at=now)
    deliver()
    assert not service.firing(timezone.now())
    assert renew(timezone.now()) == 0
    assert Thread.objects.get().state == {}


def test_nobody_renews_while_another_delivers(service: Alertmanager) -> None:
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as another:
        another.execute(statements.TAKE_TURN)
        assert renew(timezone.now()) == 0
        another.execute(statements.END_TURN)
        assert renew(timezone.now()) == 1


def test_a_channel_that_is_off_is_left_alone(service: Alertmanager) -> None:
    Channel.objects.update(is_enabled=False)
    assert renew(timezone.now()) == 0


def test_one_that_takes_nothing_is_a_channel_that_fails(service: Alertmanager) -> None:
    service.replies = [Reply(503, "not ready")]
    now = timezone.now()
    assert renew(now) == 0
    channel = Channel.objects.get(name="am")
    assert (channel.failing_since, channel.last_error) == (now, "It answered 503: not ready")
    assert renew(now + RENEW_EVERY) == 1
    channel.refresh_from_db()
    assert channel.failing_since is None


def test_an_alert_outlives_several_renewals_that_fail() -> None:
    assert 4 * RENEW_EVERY < HOLD


def test_the_worker_does_it(service: Alertmanager) -> None:
    asked = len(service.requests)
    tasks.renew_alerts()
    assert len(service.requests) == asked + 1
