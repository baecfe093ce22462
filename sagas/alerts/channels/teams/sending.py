"""Posting to a workflow of Teams ("Post to a channel when a webhook request is received")."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sagas.addresses import is_web_address
from sagas.alerts.channels.calling import post_json
from sagas.alerts.channels.kind import Destination, Field, FieldType, Kind, Sent
from sagas.alerts.channels.teams import card
from sagas.alerts.message import Message

# Ends of the hosts at which Microsoft runs workflows: Power Automate's own, and the older Logic Apps'.
HOSTS = (".api.powerplatform.com", ".api.powerplatform.us", ".logic.azure.com", ".logic.azure.us")


def teams(scheme: str = "https", hosts: tuple[str, ...] = HOSTS) -> Kind:
    """`hosts`: ends of the hosts that are written to, by `scheme`."""

    def check(config: Mapping[str, Any]) -> Iterable[str]:
        if not _is_one(config.get("url", ""), scheme, hosts):
            ends = " or ".join(hosts)
            yield f"The workflow's address must begin with {scheme}:// and its host must end with {ends}."

    return Kind(
        name="teams",
        title="Microsoft Teams",
        icon="chat",
        says="A card in a Teams channel or chat, by a workflow. Every message stands by itself.",
        fields=(
            Field(
                "url",
                "Workflow address",
                FieldType.SECRET_ADDRESS,
                "As Teams shows it when you add the workflow that posts what a webhook is sent.",
                longest=1000,
            ),
        ),
        send=send,
        check=check,
        # Teams slows a workflow down at four a second.
        per_minute=60,
    )


def _is_one(address: str, scheme: str, hosts: tuple[str, ...]) -> bool:
    if not is_web_address(address):
        return False
    parts = urlsplit(address)
    return parts.scheme == scheme and str(parts.hostname).endswith(hosts)


def send(message: Message, destination: Destination, state: Mapping[str, Any]) -> Sent:
    """Post once; raises DeliveryError. 202 says that the workflow has begun, not that it could post."""
    answer = post_json(destination, destination.config["url"], card.request(message))
    return Sent({}, answer.request, answer.said)
