"""Misconfiguration stops the start, with an id, and says what to do."""

import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, register, run_checks
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from sagas.addresses import is_mail_address, is_web_address

TAG = "amends"


@register(TAG)
def check_secrets(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Outside the demo nothing starts with known or missing secrets, or with cookies sent in the clear."""
    found: list[CheckMessage] = []
    if settings.SECRET_KEY.startswith("unset-") or len(settings.SECRET_KEY) < 40:
        found.append(
            Error(
                "SECRET_KEY is not set, or shorter than 40 characters.",
                hint="Set SECRET_KEY to a long random string, the same on every machine.",
                id="amends.E001",
            )
        )
    if not settings.ENCRYPTION_KEYS:
        found.append(
            Error(
                "ENCRYPTION_KEYS is empty: participants' signing secrets could not be kept.",
                hint="Set ENCRYPTION_KEYS to a Fernet key (several, newest first, to rotate).",
                id="amends.E002",
            )
        )
    for key in settings.ENCRYPTION_KEYS:
        try:
            Fernet(key)
        except ValueError:
            found.append(Error("ENCRYPTION_KEYS holds a value that is no Fernet key.", id="amends.E003"))
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "ALLOWED_HOSTS must not be '*'.",
                hint="Name the hosts that people and services use to reach Amends.",
                id="amends.E004",
            )
        )
    found += [
        Error(f"{name} is set without ALERT_WEBHOOK_SECRET: nothing could be signed.", id="amends.E005")
        for name, urls in _webhooks().items()
        if urls and not settings.ALERT_WEBHOOK_SECRET
    ]
    if not settings.DEMO and not settings.SECURE_COOKIES and not _is_this_machine(settings.BASE_URL):
        found.append(
            Error(
                "BASE_URL is plain http on another machine than this: passwords would travel in the clear.",
                hint="Serve https at a proxy in front, and set BASE_URL to its https:// address.",
                id="amends.E006",
            )
        )
    return found


@register(TAG)
def check_alerts(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Addresses that nobody could ever be told at are found at the start and not in the night."""
    found: list[CheckMessage] = [
        Error(f"ALERT_EMAIL_TO holds {mail!r}, which is no e-mail address.", id="amends.E007")
        for mail in settings.ALERT_EMAIL_TO
        if not is_mail_address(mail)
    ]
    found += [
        Error(f"{name} holds {url!r}, which is no http or https address.", id="amends.E008")
        for name, urls in _webhooks().items()
        for url in urls
        if not is_web_address(url) or len(url) > 500
    ]
    if settings.WATCHDOG_URL and not is_web_address(settings.WATCHDOG_URL):
        # Without the address, which may be a secret by itself.
        found.append(Error("WATCHDOG_URL is no http or https address.", id="amends.E010"))
    if settings.ALERT_WEBHOOK_SECRET:
        try:
            Webhook(settings.ALERT_WEBHOOK_SECRET)
        except (ValueError, EmptyWebhookSecretError):
            hint = "It is whsec_ and 24 to 64 random bytes in base64."
            found.append(Error("ALERT_WEBHOOK_SECRET is no secret.", hint=hint, id="amends.E009"))
    return found


def _webhooks() -> dict[str, list[str]]:
    return {
        "ALERT_WEBHOOK_URLS": settings.ALERT_WEBHOOK_URLS,
        "AUDIT_ANCHOR_WEBHOOK_URLS": settings.AUDIT_ANCHOR_WEBHOOK_URLS,
    }


def refuse_unsafe_settings() -> None:
    """End this process where a check of ours fails. For what serves; commands are checked by Django."""
    found = run_checks(tags=[TAG])
    if found:
        sys.exit("\n".join(f"{check.id}: {check.msg} {check.hint or ''}".rstrip() for check in found))


def _is_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}
