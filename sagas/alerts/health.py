"""Channels that take nothing: noticed, told to others, and stood in for."""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q

from sagas import changes, links
from sagas.alerts import registered, routes, writing
from sagas.alerts.message import Summary
from sagas.alerts.writing import Audience
from sagas.models import Channel, Delivery
from sagas.vocabulary import Occasion

log = structlog.get_logger()

# Taking nothing for so long, whatever is sent there, makes a channel dead.
DEAD_AFTER = timedelta(minutes=2)

# Deliveries that others are told in stead of, in one transaction.
MOST = 100


def took(channel: Channel, now: datetime) -> None:
    """It took a message; part of the caller's transaction. Where it was dead, people hear that it is back."""
    Channel.objects.filter(pk=channel.pk).update(last_sent_at=now)
    was = Channel.objects.select_for_update().filter(pk=channel.pk, failing_since__isnull=False).first()
    if was is None:
        return
    if was.dead_since:
        log.info("alerts: a channel is back", channel=channel.name)
    recover(was, "takes messages again", now)
    was.save(update_fields=["failing_since", "dead_since"])


def recover(channel: Channel, why: str, now: datetime) -> None:
    """It fails no more, or nobody minds any more; where people were told that it is dead, they hear so.

    Part of the caller's transaction, who saves it.
    """
    since, channel.failing_since, channel.dead_since = channel.dead_since, None, None
    if since:
        said = f"The channel “{channel.name}” {why}", "Nobody is told in its stead any more"
        _notice(Occasion.RESOLVED, channel, since, said, now)


def refused(channel: Channel, error: str, now: datetime) -> None:
    """It did not; part of the caller's transaction."""
    Channel.objects.filter(pk=channel.pk, failing_since=None).update(failing_since=now)
    Channel.objects.filter(pk=channel.pk).update(last_error=error)


def see_to(now: datetime) -> int:
    """Tell of channels that have died, and tell others what they did not take; how many were told."""
    return _bury(now) + _stand_in(now)


@transaction.atomic
def _bury(now: datetime) -> int:
    rows = Channel.objects.select_for_update(skip_locked=True).filter(
        failing_since__lte=now - DEAD_AFTER, dead_since=None, is_enabled=True
    )
    dead = list(rows.order_by("pk"))
    for channel in dead:
        channel.dead_since = now
        channel.save(update_fields=["dead_since"])
        log.error("alerts: a channel takes nothing", channel=channel.name, error=channel.last_error)
    for channel in dead:
        said = (
            f"The channel “{channel.name}” takes nothing",
            f"Nothing that was sent there since {channel.failing_since:%H:%M:%S} UTC was taken, and others"
            f" are told in its stead. It was said last: {channel.last_error}",
        )
        _notice(Occasion.NOTICE, channel, now, said, now)
    return len(dead)


def _notice(
    occasion: Occasion, channel: Channel, dead_since: datetime, said: tuple[str, str], now: datetime
) -> None:
    """`said`: title and explanation. By channel and time a paging service knows what it is that is over."""
    names = routes.in_force().stand_ins
    audience = [
        one
        for one in writing.of_channels(names, (), "it is a notice about Amends itself", "UTC")
        if one.channel.pk != channel.pk and not one.channel.dead_since
    ]
    title, explanation = said
    summary = Summary(
        occasion=occasion,
        title=title,
        explanation=explanation,
        about=f"channel-{channel.pk}-{dead_since:%Y%m%d%H%M%S}",
        link=links.channel(channel.name),
    )
    writing.write(summary, audience, now, is_kept=True)
    changes.tell("problems", "alerts")


@transaction.atomic
def _stand_in(now: datetime) -> int:
    """Once for each message that its channel did not take, or has not while it is dead."""
    lost = Q(state=Delivery.State.FAILED) | Q(state=Delivery.State.PENDING, channel__dead_since__isnull=False)
    rows = (
        Delivery.objects.select_for_update(skip_locked=True, of=["self"])
        .select_related("alert", "channel")
        .filter(lost, replaced_at=None, is_stand_in=False)
        .exclude(alert__occasion=Occasion.TEST)
        .exclude(channel__name=registered.PEOPLE)
    )
    deliveries = list(rows.order_by("pk")[:MOST])
    names = routes.in_force().stand_ins if deliveries else ()
    for one in deliveries:
        one.replaced_at = now
        one.save(update_fields=["replaced_at"])
        refused_by = Audience(one.channel, one.target, one.because, one.zone)
        owner = one.alert.summary.get("owner", "")
        writing.deliver_to(one.alert, writing.in_stead_of([refused_by], names, [owner]), now)
    return len(deliveries)
