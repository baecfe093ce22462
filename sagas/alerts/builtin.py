"""The channels that the settings name: ALERT_EMAIL_TO and ALERT_WEBHOOK_URLS."""

from collections.abc import Iterator

from django.conf import settings

from sagas.alerts.channels import KINDS
from sagas.alerts.channels.kind import Destination


def destination(kind: str, target: str = "") -> Destination:
    if kind == "email":
        config = {"to": tuple(settings.ALERT_EMAIL_TO), "owner": True}
        return Destination("ALERT_EMAIL_TO", config, target)
    secret = settings.ALERT_WEBHOOK_SECRET
    config = {"urls": tuple(settings.ALERT_WEBHOOK_URLS), "secret": secret}
    return Destination("ALERT_WEBHOOK_URLS", config, target, (secret,))


def targets(owner: str) -> Iterator[tuple[str, str]]:
    """Kind and target of everybody who is told."""
    for kind in ("email", "webhook"):
        for target in KINDS[kind].targets(destination(kind).config, owner):
            yield kind, target
