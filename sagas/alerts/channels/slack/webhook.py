"""An incoming webhook: it can post to the one channel it was made for, and never change what it posted."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sagas.addresses import is_web_address
from sagas.alerts.channels.calling import post_json
from sagas.alerts.channels.kind import Destination, Field, FieldType, Kind, Sent
from sagas.alerts.channels.slack.blocks import content
from sagas.alerts.message import Message

# Where Slack makes incoming webhooks: everywhere, and for the government of the United States.
BASES = ("https://hooks.slack.com", "https://hooks.slack-gov.com")


def webhook(bases: tuple[str, ...] = BASES) -> Kind:
    """`bases`: schemes and hosts that are written to."""

    def check(config: Mapping[str, Any]) -> Iterable[str]:
        if not is_one(config.get("url", ""), bases):
            yield f"The webhook's address must begin with {' or '.join(f'{base}/' for base in bases)}."

    return Kind(
        name="slack_webhook",
        title="Slack webhook",
        icon="chat",
        says="Posts to one Slack channel. Every message stands by itself: threads need the Slack app.",
        fields=(
            Field(
                "url",
                "Webhook address",
                FieldType.SECRET_ADDRESS,
                "https://hooks.slack.com/services/…, as Slack shows it under Incoming Webhooks.",
            ),
        ),
        send=send,
        check=check,
    )


def is_one(address: str, bases: tuple[str, ...]) -> bool:
    """Whether it begins with one of these schemes and hosts, to the letter."""
    if not is_web_address(address):
        return False
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" in bases


def send(message: Message, destination: Destination, state: Mapping[str, Any]) -> Sent:
    """Post once; raises DeliveryError."""
    answer = post_json(destination, destination.config["url"], content(message))
    return Sent({}, answer.request, answer.said)
