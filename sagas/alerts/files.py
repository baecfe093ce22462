"""Channels, routes and silences as one YAML file: kept beside code, loaded, and written from what is so.

Secrets never stand in it: `{env: NAME}` names the variable that holds one when the file is loaded.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import yaml
from django.db import transaction
from msgspec import Struct

from sagas import audit
from sagas.alerts import matching, registered, routing, setup, silences
from sagas.alerts.channels import KINDS
from sagas.alerts.channels.fields import ConfigError
from sagas.alerts.channels.kind import SECRETS
from sagas.alerts.matching import Match
from sagas.alerts.routing import Route
from sagas.alerts.setup import SetupError
from sagas.alerts.silences import SilenceError
from sagas.definitions.fields import Seconds
from sagas.definitions.reading import DefinitionError, Document
from sagas.models import AlertSilence, Channel
from sagas.models import Route as RouteRow


class ChannelIn(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    kind: str
    config: dict[str, Any] = {}
    per_minute: int | None = None
    is_enabled: bool = True


class SilenceIn(Struct, frozen=True, forbid_unknown_fields=True):
    match: Match
    reason: str
    expires_at: datetime


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """What is not given is left as it is; routes that are given take the place of all that there are."""

    channels: list[ChannelIn] = []
    routes: list[Route] | None = None
    silences: list[SilenceIn] = []


class FileError(ValueError):
    """A file that cannot be loaded; its text tells what to mend, and where."""


def load(text: str, file: str, environment: Mapping[str, str], by: audit.Actor, now: datetime) -> File:
    """Load all of it or nothing. Raises `FileError`."""
    try:
        content = msgspec.convert(Document(text, file).data, File, dec_hook=_read, strict=False)
    except DefinitionError as error:
        raise FileError(str(error)) from None
    except msgspec.ValidationError as error:
        raise FileError(f"{file}: {error}") from None
    with transaction.atomic():
        for channel in content.channels:
            _load_channel(channel, file, environment, by)
        if content.routes is not None:
            _load_routes(content.routes, file, by)
        known = [(one.match, one.row.reason) for one in silences.in_force(now)]
        for silence in content.silences:
            if (silence.match, silence.reason) in known:
                continue
            try:
                silences.ask(silence.match, silence.reason, silence.expires_at, by, now)
            except SilenceError as error:
                raise FileError(f"{file}: the silence “{silence.reason}”: {error}") from None
    return content


def _load_channel(given: ChannelIn, file: str, environment: Mapping[str, str], by: audit.Actor) -> None:
    config = {name: _in_clear(value, file, environment) for name, value in given.config.items()}
    try:
        setup.save_channel(
            given.name, given.kind, config, by, per_minute=given.per_minute, is_enabled=given.is_enabled
        )
    except (ConfigError, SetupError) as error:
        raise FileError(f"{file}: the channel {given.name!r}: {error}") from None


def _in_clear(value: Any, file: str, environment: Mapping[str, str]) -> Any:
    if not (isinstance(value, dict) and value.keys() == {"env"}):
        return value
    found = environment.get(str(value["env"]), "")
    if not found:
        raise FileError(f"{file}: the environment holds no {value['env']}.")
    return found


def _load_routes(given: list[Route], file: str, by: audit.Actor) -> None:
    before = {row.name: routing.read(row.body) for row in RouteRow.objects.all()}
    wanted = [route.name for route in given]
    if len(set(wanted)) < len(wanted):
        raise FileError(f"{file}: two routes have the same name.")
    for name in before.keys() - set(wanted):
        setup.remove_route(name, by)
    for position, route in enumerate(given, start=1):
        try:
            if before.get(route.name) != route:
                setup.save_route(route, by, was=route.name if route.name in before else "")
        except SetupError as error:
            raise FileError(f"{file}: the route {route.name!r}: {error}") from None
        RouteRow.objects.filter(name=route.name).update(position=position)


def dump(now: datetime) -> str:
    """All of it, as `load` takes it. Secrets are named, not told."""
    rows = registered.existing().filter(is_built_in=False).order_by("name")
    routes = [routing.read(row.body) for row in RouteRow.objects.order_by("is_default", "position", "pk")]
    in_force = AlertSilence.objects.filter(ended_at=None, expires_at__gt=now).order_by("pk")
    content = {
        "channels": [_channel(row) for row in rows],
        "routes": [_route(route) for route in routes],
        "silences": [
            {
                "match": msgspec.to_builtins(matching.read(row.match)),
                "reason": row.reason,
                "expires_at": row.expires_at.isoformat(),
            }
            for row in in_force
        ],
    }
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    return text


def _channel(row: Channel) -> dict[str, Any]:
    kind = KINDS[row.kind]
    hidden = {field.name for field in kind.fields if field.type in SECRETS}
    word = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in row.name).upper()
    config = {
        name: {"env": f"{word}_{name.upper()}"} if name in hidden and value else value
        for name, value in row.config.items()
        if value != "" or name not in hidden
    }
    said = {"name": row.name, "kind": row.kind, "config": config, "per_minute": row.per_minute}
    return said if row.is_enabled else said | {"is_enabled": False}


def _route(route: Route) -> dict[str, Any]:
    """Without what is as it would be anyway."""
    usual = Route(name="")
    content = msgspec.to_builtins(route, enc_hook=_written)
    content["steps"] = [
        {"channels": list(step.channels), **({"after": _written(step.after)} if step.after else {})}
        for step in route.steps
    ]
    for name in ("match", "repeats", "repeat_after", "zone", "go_on", "is_enabled"):
        if getattr(route, name) == getattr(usual, name):
            del content[name]
    found: dict[str, Any] = content
    return found


def _written(seconds: float) -> str:
    return f"{seconds:g}s"


def _read(wanted: type, value: object) -> Any:
    if wanted is Seconds:
        return Seconds.read(value)
    raise NotImplementedError(wanted)
