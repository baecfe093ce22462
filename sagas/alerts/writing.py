"""Alerts and their deliveries: written in the transaction of what they tell of, sent by `delivery`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec

from sagas.alerts import registered
from sagas.alerts.message import Summary
from sagas.models import Alert, Channel, Delivery, Incident, Thread


@dataclass(frozen=True, slots=True)
class Audience:
    """One target of one channel, and why it hears."""

    channel: Channel
    target: str
    because: str
    zone: str = "UTC"
    is_stand_in: bool = False
    # They want quiet until then.
    not_before: datetime | None = None


def of_threads(incident: Incident, because: str) -> list[Audience]:
    """Everybody who has heard of it, in their threads; who watches it is asked anew each time."""
    rows = Thread.objects.filter(incident=incident).select_related("channel").order_by("pk")
    rows = rows.exclude(channel__name=registered.PEOPLE)
    return [Audience(row.channel, row.target, because, row.zone) for row in rows if row.channel.is_enabled]


def of_channels(names: Sequence[str], owners: Iterable[str], because: str, zone: str) -> list[Audience]:
    """Everybody whom these channels reach."""
    owners = list(owners)
    return [
        Audience(channel, target, because, zone)
        for channel in registered.usable(names)
        for target in registered.targets(channel, owners)
    ]


def write(
    summary: Summary,
    audience: Iterable[Audience],
    now: datetime,
    *,
    incident: Incident | None = None,
    stand_ins: Sequence[str] = (),
    is_kept: bool = False,
) -> Alert | None:
    """An alert for everybody who wants to hear of its occasion, once each.

    Where a channel takes nothing, the `stand_ins` are told at once, too. Where there is nobody to tell,
    none is written; or, `is_kept`, one that shows so.
    """
    told: dict[tuple[int, str], Audience] = {}
    for one in audience:
        # What goes to a person by name is meant for them.
        is_skipped = summary.occasion in registered.kind_of(one.channel).skips
        if not is_skipped or one.channel.name == registered.PEOPLE:
            told.setdefault((one.channel.pk, one.target), one)
    told = _once(told)
    # What a person asked for is told to nobody else.
    dead = [one for one in told.values() if one.channel.dead_since and one.channel.name != registered.PEOPLE]
    for one in in_stead_of(dead, stand_ins, [summary.owner]):
        told.setdefault((one.channel.pk, one.target), one)
    if not told and not is_kept:
        return None
    alert = Alert.objects.create(
        incident=incident,
        problem_id=summary.problem,
        occasion=summary.occasion,
        created_at=now,
        summary=to_json(summary),
    )
    deliver_to(alert, told.values(), now)
    return alert


def _once(told: dict[tuple[int, str], Audience]) -> dict[tuple[int, str], Audience]:
    """Without people whom another mail reaches anyway."""
    others = {
        one.target.casefold()
        for one in told.values()
        if one.channel.kind == registered.OURS[registered.PEOPLE] and one.channel.name != registered.PEOPLE
    }
    return {
        key: one
        for key, one in told.items()
        if one.channel.name != registered.PEOPLE or one.target.casefold() not in others
    }


def deliver_to(alert: Alert, audience: Iterable[Audience], now: datetime) -> None:
    """Deliveries of an alert, and the threads that they begin or go on in."""
    audience = list(audience)
    Delivery.objects.bulk_create(
        [
            Delivery(
                alert=alert,
                channel=one.channel,
                target=one.target,
                because=one.because,
                zone=one.zone,
                message_id=uuid4(),
                next_attempt_at=one.not_before or now,
                is_stand_in=one.is_stand_in,
            )
            for one in audience
        ],
        ignore_conflicts=True,
    )
    if alert.incident_id:
        threads = [
            Thread(incident_id=alert.incident_id, channel=one.channel, target=one.target, zone=one.zone)
            for one in audience
        ]
        Thread.objects.bulk_create(threads, ignore_conflicts=True)


def keeps_state(audience: Audience) -> bool:
    return registered.kind_of(audience.channel).keeps_state


def in_stead_of(dead: Sequence[Audience], names: Sequence[str], owners: Sequence[str]) -> list[Audience]:
    """Who hears in place of channels that take nothing; never one of these themselves."""
    if not dead:
        return []
    those = ", ".join(dict.fromkeys(f"“{one.channel.name}”" for one in dead))
    because = f"it stands in for {those}, which takes nothing"
    away = {one.channel.pk for one in dead}
    return [
        Audience(one.channel, one.target, because, one.zone, is_stand_in=True)
        for one in of_channels(names, owners, because, dead[0].zone)
        if one.channel.pk not in away and not one.channel.dead_since
    ]


def to_json(summary: Summary) -> Mapping[str, Any]:
    content: Mapping[str, Any] = msgspec.to_builtins(summary)
    return content
