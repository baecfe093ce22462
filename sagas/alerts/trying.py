"""Sending a test: the way that alerts take, at once, once."""

from datetime import datetime
from uuid import uuid4

from sagas import links
from sagas.alerts import delivery, registered, writing
from sagas.alerts.message import Summary
from sagas.models import Alert, Channel, Delivery
from sagas.vocabulary import Occasion


def send_test(channel: Channel, by: str, now: datetime) -> list[Delivery]:
    """To everybody whom the channel reaches; may take ten seconds. How it went is in the rows."""
    summary = Summary(
        occasion=Occasion.TEST,
        title=f"{by} tries out the channel “{channel.name}”",
        explanation="Nothing is wrong. Alerts that are routed there arrive this way",
        link=links.channel(channel.name),
    )
    alert = Alert.objects.create(occasion=Occasion.TEST, created_at=now, summary=writing.to_json(summary))
    rows = [
        Delivery(
            alert=alert,
            channel=channel,
            target=target,
            because=f"{by} tries it out",
            message_id=uuid4(),
            attempts=1,
            # Nobody else takes it meanwhile.
            next_attempt_at=now + delivery.LEASE,
        )
        for target in registered.targets(channel)
    ]
    Delivery.objects.bulk_create(rows)
    if rows:
        delivery.send(rows)
    return list(Delivery.objects.filter(alert=alert).prefetch_related("tries"))
