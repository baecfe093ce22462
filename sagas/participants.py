"""Participants and their secrets: keys to send events with, and what Amends signs its requests with."""

import base64
import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from secrets import token_bytes, token_urlsafe
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

import msgspec
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from sagas import audit, secrets
from sagas.definitions.fields import Seconds
from sagas.events import OURSELVES, plain
from sagas.models import Participant, ParticipantKey

KEY_PREFIX = "amp_"
SIGNING_PREFIX = "whsec_"
# Characters of a key that stay readable, so that people can tell keys apart.
SHOWN = 10
SIGNING_BYTES = 32
# `last_used_at` is this exact; writing it on every request would cost more than it tells.
USE_NOTED_EVERY = timedelta(minutes=1)

LONGEST_NAME = 200
# Seconds. It takes a few to write down who was heard (sagas.hearing) and to sweep; the longest is a year.
SHORTEST_INTERVAL, LONGEST_INTERVAL = 10, 366 * 86400
UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class ParticipantError(ValueError):
    """What was given cannot be taken; the text says why, for people."""


class Settings(TypedDict, total=False):
    """What an admin may say of a participant."""

    base_url: str
    owner: str
    speaks_every: int | None  # seconds within which it says something; None: as it is learned
    may_be_silent: bool  # that it says nothing is never found


def create(name: str, by: audit.Actor, **settings: Unpack[Settings]) -> Participant:
    """Raises `ParticipantError`, also where the name is taken. It has no key and no signing secret yet."""
    _check_text("The name", name, LONGEST_NAME)
    clean = _clean(settings)
    with transaction.atomic():
        participant, is_new = Participant.objects.get_or_create(name=name, defaults=clean)
        if not is_new:
            raise ParticipantError(f"There is a participant {name} already.")
        _check_silence(participant)
        audit.record(by, "participant.created", ("participant", name), after=_told(participant))
    return participant


def change(participant: Participant, by: audit.Actor, **changes: Unpack[Settings]) -> None:
    """What is not given stays. Raises `ParticipantError`. A change that changes nothing is not recorded."""
    clean = _clean(changes)
    with transaction.atomic():
        locked = Participant.objects.select_for_update(no_key=True).get(pk=participant.pk)
        before = _told(locked)
        for name, value in clean.items():
            setattr(locked, name, value)
        _check_silence(locked)
        if before != _told(locked):
            locked.save(update_fields=list(clean))
            audit.record(
                by, "participant.changed", ("participant", locked.name), before=before, after=_told(locked)
            )
    for name, value in clean.items():
        setattr(participant, name, value)


def choose_plain_json(participant: Participant, by: audit.Actor, given: Mapping[str, str] | None) -> None:
    """How to read what it sends as plain JSON: the fields of `plain.Defaults`; None: not at all.

    Raises `ParticipantError`. A change that changes nothing is not recorded.
    """
    chosen = None if given is None else _plain_json(given)
    with transaction.atomic():
        locked = Participant.objects.select_for_update(no_key=True).get(pk=participant.pk)
        before, locked.plain_json = locked.plain_json, chosen
        if before != chosen:
            locked.save(update_fields=["plain_json"])
            name = ("participant", locked.name)
            audit.record(by, "participant.plain_json_chosen", name, before=before, after=chosen)
    participant.plain_json = chosen


def _plain_json(given: Mapping[str, str]) -> dict[str, str]:
    wanted = {name: text.strip() for name, text in given.items() if text.strip()}
    for name, what in (("type", "an expression such as data.eventType"), ("source", "a name such as //shop")):
        if name not in wanted:
            raise ParticipantError(f"Of plain JSON, the {name} must be given: {what}.")
    try:
        defaults = msgspec.convert(wanted, plain.Defaults)
    except msgspec.ValidationError as error:
        raise ParticipantError(f"Of plain JSON: {error}.") from None
    wrong: list[str] = []
    plain.check(defaults, lambda name, message: wrong.append(message))
    if wrong:
        raise ParticipantError(f"Of plain JSON: {'; '.join(wrong)}.")
    _check_text("The source of plain JSON", defaults.source, LONGEST_NAME)
    if defaults.source == OURSELVES:
        raise ParticipantError(f'The source of plain JSON must not be "{OURSELVES}": Amends speaks under it.')
    return wanted


def issue_key(participant: Participant, saga_types: Iterable[str], by: audit.Actor) -> str:
    """A new key, which nobody can read again. `saga_types`: all that it may report on; empty: any."""
    types = sorted(set(saga_types))
    for saga_type in types:
        _check_text("A saga type", saga_type, LONGEST_NAME)
    secret = KEY_PREFIX + token_urlsafe(32)
    with transaction.atomic():
        key = ParticipantKey.objects.create(
            participant=participant,
            prefix=secret[:SHOWN],
            digest=_digest(secret),
            saga_types=types,
            created_by=by.name,
        )
        told = {"key": key.prefix, "saga_types": types}
        audit.record(by, "participant.key_issued", ("participant", participant.name), after=told)
    return secret


def revoke(key: ParticipantKey, by: audit.Actor) -> bool:
    """From the next request on nobody gets in with it. False where it had been revoked before."""
    with transaction.atomic():
        revoked = ParticipantKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
        if revoked:
            name = ("participant", key.participant.name)
            audit.record(by, "participant.key_revoked", name, before={"key": key.prefix})
    return bool(revoked)


def find_by_secret(secret: str) -> ParticipantKey | None:
    """The key, with its participant, unless it is unknown or revoked. One query, nothing cached."""
    if not secret.startswith(KEY_PREFIX):
        return None
    keys = ParticipantKey.objects.select_related("participant")
    return keys.filter(digest=_digest(secret), revoked_at=None).first()


def note_use(key: ParticipantKey) -> None:
    """Write down that the key was used, at most once in USE_NOTED_EVERY."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= USE_NOTED_EVERY:
        is_due = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
        ParticipantKey.objects.filter(is_due, pk=key.pk).update(last_used_at=now)


def issue_signing_secret(participant: Participant, by: audit.Actor) -> str:
    """A new secret for what Amends sends to it, in place of the one before. Tell it to the participant."""
    secret = SIGNING_PREFIX + base64.b64encode(token_bytes(SIGNING_BYTES)).decode()
    with transaction.atomic():
        locked = Participant.objects.select_for_update(no_key=True).get(pk=participant.pk)
        action = (
            "participant.signing_secret_changed"
            if locked.signing_secret
            else "participant.signing_secret_set"
        )
        locked.signing_secret = participant.signing_secret = secrets.encrypt(secret)
        locked.save(update_fields=["signing_secret"])
        audit.record(by, action, ("participant", locked.name))
    return secret


def signing_secret(participant: Participant) -> str | None:
    """`whsec_…` (Standard Webhooks); None where there is none. Raises `secrets.SecretUnreadableError`."""
    return secrets.decrypt(participant.signing_secret) if participant.signing_secret else None


def clean_base_url(text: str) -> str:
    """An http or https address without the slash at its end; empty stays empty. Raises `ParticipantError`."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_good = False
    if not is_good or len(text) > 500 or CONTROL.search(text) or " " in text:
        raise ParticipantError("The base URL must be an address such as https://payment.example:8443/amends.")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ParticipantError("The base URL must have no user, query or fragment.")
    return text.rstrip("/")


def read_interval(text: str) -> int:
    """Seconds, from `30s`, `10m`, `2h` or `1d`. Raises `ParticipantError`."""
    try:
        return math.ceil(Seconds.read(text))
    except ValueError:
        raise ParticipantError("The interval must be a duration such as 30s, 10m, 2h or 1d.") from None


def write_interval(seconds: int) -> str:
    """As `read_interval` reads it: `90s`, `10m`."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"


def _told(participant: Participant) -> Settings:
    """Its settings as they are, as the audit log tells them."""
    return Settings(
        base_url=participant.base_url,
        owner=participant.owner,
        speaks_every=participant.speaks_every,
        may_be_silent=participant.may_be_silent,
    )


def _clean(settings: Settings) -> dict[str, Any]:
    clean: dict[str, Any] = dict(settings)
    if "owner" in clean:
        _check_text("The owner", clean["owner"], LONGEST_NAME, may_be_empty=True)
    if "base_url" in clean:
        clean["base_url"] = clean_base_url(clean["base_url"])
    every = clean.get("speaks_every")
    if every is not None and not SHORTEST_INTERVAL <= every <= LONGEST_INTERVAL:
        raise ParticipantError(f"The interval must be from {SHORTEST_INTERVAL} s to 366 days.")
    return clean


def _check_silence(participant: Participant) -> None:
    if participant.may_be_silent and participant.speaks_every is not None:
        raise ParticipantError(
            "Either it speaks at least so often, or its silence is never judged: not both."
        )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _check_text(what: str, text: str, longest: int, *, may_be_empty: bool = False) -> None:
    if not text.strip() and not may_be_empty:
        raise ParticipantError(f"{what} must not be empty.")
    if len(text) > longest:
        raise ParticipantError(f"{what} must be at most {longest} characters long.")
    if CONTROL.search(text):
        raise ParticipantError(f"{what} must not hold control characters.")
