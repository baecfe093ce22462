"""The channels that there are: rows, their configs in the clear, and the two that the settings name."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from sagas import secrets
from sagas.alerts.channels import KINDS
from sagas.alerts.channels.kind import SECRETS, Destination, Kind
from sagas.alerts.people.reaching import reachable
from sagas.models import Channel

# Told where no default route says otherwise, if the settings name anybody.
EMAIL, WEBHOOK = "ALERT_EMAIL_TO", "ALERT_WEBHOOK_URLS"
BUILT_IN = {EMAIL: "email", WEBHOOK: "webhook"}
# People, at the addresses that they gave themselves (sagas.alerts.people); no route leads there.
PEOPLE = "PEOPLE"
OURS = BUILT_IN | {PEOPLE: "email"}


def kind_of(channel: Channel) -> Kind:
    return KINDS[channel.kind]


def seal(kind: Kind, config: Mapping[str, Any]) -> dict[str, Any]:
    """A config as it is stored: its secrets encrypted."""
    hidden = {field.name for field in kind.fields if field.type in SECRETS}
    kept: dict[str, Any] = {}
    for name, value in config.items():
        if name in hidden and value:
            kept[name] = secrets.encrypt(value)
        else:
            kept[name] = list(value) if isinstance(value, tuple) else value
    return kept


def config_of(channel: Channel) -> dict[str, Any]:
    """In the clear; lists as tuples. Raises `secrets.SecretUnreadableError`."""
    if channel.is_built_in:
        return _from_settings(channel.name)
    kind = kind_of(channel)
    hidden = {field.name for field in kind.fields if field.type in SECRETS}
    found: dict[str, Any] = {}
    for name, value in channel.config.items():
        if name in hidden and value:
            found[name] = secrets.decrypt(value)
        else:
            found[name] = tuple(value) if isinstance(value, list) else value
    return found


def destination(channel: Channel, target: str = "") -> Destination:
    """Raises `secrets.SecretUnreadableError`."""
    config = config_of(channel)
    hidden = [config.get(field.name, "") for field in kind_of(channel).fields if field.type in SECRETS]
    return Destination(channel.name, config, target, tuple(filter(None, hidden)))


def targets(channel: Channel, owners: Iterable[str] = ()) -> list[str]:
    """Who is reached, each once, whoever of the problems' owners are among them."""
    # Secrets say nobody's name: a channel whose secret cannot be read fails when it is to be sent to.
    config = _from_settings(channel.name) if channel.is_built_in else channel.config
    found: dict[str, str] = {}
    for owner in [*owners] or [""]:
        for target in kind_of(channel).targets(config, owner):
            found.setdefault(target.casefold(), target)
    return list(found.values())


def usable(names: Iterable[str]) -> list[Channel]:
    """The rows of these names that are switched on; built-in ones are made when they are first needed."""
    wanted = list(dict.fromkeys(names))
    rows = {row.name: row for row in existing().filter(name__in=wanted)}
    missing = [name for name in wanted if name in OURS and name not in rows]
    if missing:
        made = [
            Channel(name=name, kind=OURS[name], is_built_in=True, per_minute=KINDS[OURS[name]].per_minute)
            for name in missing
        ]
        Channel.objects.bulk_create(made, ignore_conflicts=True)
        rows |= {row.name: row for row in existing().filter(name__in=missing)}
    return [rows[name] for name in wanted if name in rows and rows[name].is_enabled]


def existing() -> QuerySet[Channel]:
    """The rows of channels that were not removed."""
    return Channel.objects.filter(removed_at=None)


def routable() -> QuerySet[Channel]:
    """Those that routes may lead to."""
    return existing().exclude(name=PEOPLE)


def _from_settings(name: str) -> dict[str, Any]:
    if name == PEOPLE:
        return {"to": tuple(reachable().values_list("mail", flat=True))}
    if name == EMAIL:
        return {"to": tuple(settings.ALERT_EMAIL_TO), "owner": True}
    return {"urls": tuple(settings.ALERT_WEBHOOK_URLS), "secret": settings.ALERT_WEBHOOK_SECRET}
