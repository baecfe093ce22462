"""Setting up channels and routes: checked, and audited in the transaction of the act; secrets never are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from sagas import audit, changes, secrets
from sagas.alerts import health, registered, routing
from sagas.alerts.channels import KINDS
from sagas.alerts.channels.fields import read
from sagas.alerts.channels.kind import SECRETS
from sagas.alerts.routes import BUILT_IN, in_force
from sagas.models import Channel, Delivery, DeliveryAttempt, Route, Thread

LONGEST_NAME = 100
MOST_A_MINUTE = 6000
DEFAULT = BUILT_IN.name


class SetupError(ValueError):
    """What cannot be set up; its text tells the reader what to do."""


def save_channel(
    name: str,
    kind: str,
    given: Mapping[str, Any],
    by: audit.Actor,
    *,
    per_minute: int | None = None,
    is_enabled: bool = True,
    is_new: bool = False,
) -> Channel:
    """Make or change a channel; of `given` an empty secret keeps the old one.

    Raises `channels.fields.ConfigError`, or `SetupError` for a name that is taken. Of a channel that the
    settings name, the config stays theirs.
    """
    if kind not in KINDS:
        raise SetupError(f"There are no channels of the kind {kind!r}; there are {', '.join(KINDS)}.")
    _check_name(name)
    with transaction.atomic():
        row = registered.existing().select_for_update().filter(name=name).first()
        if (row is not None and (is_new or row.kind != kind)) or (row is None and name in registered.OURS):
            raise SetupError(f"There is a channel {name!r} already.")
        before = _told_of(row) if row else None
        if row is None:
            row = Channel(name=name, kind=kind, per_minute=KINDS[kind].per_minute)
        if not row.is_built_in:
            row.config = registered.seal(KINDS[kind], read(KINDS[kind], given, _known(row)))
        row.is_enabled = is_enabled
        row.per_minute = _rate(per_minute or row.per_minute)
        if not is_enabled:
            health.recover(row, "is switched off", timezone.now())
        row.save()
        after = _told_of(row)
        if before != after or _gives_secret(kind, given):
            what = "channel.changed" if before else "channel.created"
            audit.record(by, what, ("channel", name), before=before, after=after)
        changes.tell("alerts")
    return row


def remove_channel(name: str, by: audit.Actor, now: datetime) -> bool:
    """Whether there was one. What was sent there is kept; what was not yet is told to the default route.

    Raises `SetupError` where the settings or a route name it.
    """
    with transaction.atomic():
        row = registered.routable().select_for_update().filter(name=name).first()
        if row is None:
            return False
        if row.is_built_in:
            raise SetupError("The settings name it. Take it out of the environment, or switch it off.")
        if named_by := in_force().naming(name):
            told = ", ".join(f"“{route.name}”" for route in named_by)
            raise SetupError(f"Take it out of what still leads to it first: {told}.")
        before = _told_of(row)
        health.recover(row, "was removed", now)
        row.config, row.is_enabled, row.removed_at = {}, False, now
        row.save()
        Thread.objects.filter(channel=row).delete()
        # Failed, they are stood in for (sagas.alerts.health).
        waiting = Delivery.objects.select_for_update().filter(channel=row, state=Delivery.State.PENDING)
        DeliveryAttempt.objects.bulk_create(
            DeliveryAttempt(delivery=one, at=now, error="The channel was removed before.") for one in waiting
        )
        waiting.update(state=Delivery.State.FAILED)
        audit.record(by, "channel.removed", ("channel", name), before=before)
        changes.tell("alerts")
    return True


def _known(row: Channel) -> dict[str, Any]:
    try:
        return registered.config_of(row)
    except secrets.SecretUnreadableError:
        # It has to be given anew.
        return {}


def _told_of(row: Channel) -> dict[str, Any]:
    """For the audit log: without secrets."""
    hidden = {field.name for field in KINDS[row.kind].fields if field.type in SECRETS}
    config = {name: value for name, value in row.config.items() if name not in hidden}
    return {"kind": row.kind, "config": config, "per_minute": row.per_minute, "is_enabled": row.is_enabled}


def _gives_secret(kind: str, given: Mapping[str, Any]) -> bool:
    return any(field.type in SECRETS and given.get(field.name) for field in KINDS[kind].fields)


def _rate(per_minute: int) -> int:
    if not 1 <= per_minute <= MOST_A_MINUTE:
        raise SetupError(f"Give between 1 and {MOST_A_MINUTE:,} messages a minute.")
    return per_minute


def save_route(route: routing.Route, by: audit.Actor, *, was: str = "") -> Route:
    """Make a route, or change the one that is called `was`. The name "default" makes it the default route.

    A new one is asked last. Raises `SetupError`.
    """
    _check_name(route.name)
    is_default = route.name == DEFAULT
    with transaction.atomic():
        # Locked, so that none is removed meanwhile.
        names = registered.routable().select_for_update().order_by("pk").values_list("name", flat=True)
        complaints = routing.complaints(route, {*names, *registered.BUILT_IN})
        if is_default and (route.match != BUILT_IN.match or not route.is_enabled):
            complaints.append("The default route is taken where no other holds: it has no conditions.")
        if complaints:
            raise SetupError(" ".join(complaints))
        row = Route.objects.select_for_update().filter(name=was or route.name).first()
        if row is not None and not was:
            raise SetupError(f"There is a route {route.name!r} already.")
        if row is None and was and was != DEFAULT:
            raise SetupError(f"There is no route {was!r} any more.")
        if was and was != route.name:
            if DEFAULT in {was, route.name}:
                raise SetupError("The default route keeps its name, and no other can take it.")
            if Route.objects.filter(name=route.name).exists():
                raise SetupError(f"There is a route {route.name!r} already.")
        before = row.body if row else None
        if row is None:
            last = Route.objects.aggregate(last=Max("position"))["last"] or 0
            row = Route(position=last + 1, is_default=is_default)
        row.name, row.body = route.name, routing.to_json(route)
        row.save()
        what = "route.changed" if before else "route.created"
        audit.record(by, what, ("route", route.name), before=before, after=row.body)
        changes.tell("alerts")
    return row


def remove_route(name: str, by: audit.Actor) -> bool:
    """Whether there was one; without a default route the channels of the settings are told."""
    with transaction.atomic():
        row = Route.objects.select_for_update().filter(name=name).first()
        if row is None:
            return False
        row.delete()
        audit.record(by, "route.removed", ("route", name), before=row.body)
        changes.tell("alerts")
    return True


def move_route(name: str, by: audit.Actor, *, up: bool) -> bool:
    """Ask it before the one that comes before it, or after the next; whether it was moved."""
    with transaction.atomic():
        rows = list(Route.objects.select_for_update().filter(is_default=False))
        place = next((place for place, row in enumerate(rows) if row.name == name), -1)
        other = place - 1 if up else place + 1
        if place < 0 or not 0 <= other < len(rows):
            return False
        before = [row.name for row in rows]
        rows[place], rows[other] = rows[other], rows[place]
        for position, row in enumerate(rows, start=1):
            row.position = position
        Route.objects.bulk_update(rows, ["position"])
        audit.record(by, "route.moved", ("route", name), before=before, after=[row.name for row in rows])
        changes.tell("alerts")
    return True


def _check_name(name: str) -> None:
    # It stands in the address of its page.
    is_address = name not in {".", ".."} and "/" not in name
    if not (
        name and len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip() and is_address
    ):
        raise SetupError(f"Give a name of at most {LONGEST_NAME} characters, without a slash.")
