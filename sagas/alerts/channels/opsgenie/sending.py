"""Sending requests to Opsgenie."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sagas.alerts.channels.calling import post_json
from sagas.alerts.channels.kind import Destination, Field, FieldType, Kind, Sent, region
from sagas.alerts.channels.opsgenie.requests import priority, requests
from sagas.alerts.message import Message
from sagas.vocabulary import Occasion

# Base addresses of the API. Opsgenie ends in April 2027; Jira Service Management takes the same requests.
REGIONS = {
    "us": "https://api.opsgenie.com",
    "eu": "https://api.eu.opsgenie.com",
    "jsm": "https://api.atlassian.com/jsm/ops/integration",
}
TITLES = {"us": "Opsgenie", "eu": "Opsgenie in Europe", "jsm": "Jira Service Management"}

KEY = re.compile(r"[0-9A-Za-z-]{20,100}")


def opsgenie(regions: Mapping[str, str] = REGIONS) -> Kind:
    """`regions`: their base addresses."""

    def send(message: Message, destination: Destination, state: Mapping[str, Any]) -> Sent:
        """Send what the message means there; raises DeliveryError. It is taken before it is done."""
        base = regions[destination.config["region"]]
        headers = {"authorization": f"GenieKey {destination.config['key']}"}
        due = requests(message, state.get("priority", ""))
        answers = [
            post_json(destination, base + one.path, one.body, headers, method=one.method, parts=len(due))
            for one in due
        ]
        # Where it is over there is no alert any more.
        known = {} if message.is_over else {"priority": priority(message)}
        return Sent(known, answers[0].request, answers[0].said)

    return Kind(
        name="opsgenie",
        title="Opsgenie",
        icon="phone",
        says="An alert a problem, created, acknowledged and closed; Opsgenie knows who is on call.",
        fields=(
            Field(
                "key", "API key", FieldType.SECRET, "Of an API integration that may create and update alerts."
            ),
            region("Where", regions, TITLES),
        ),
        send=send,
        check=check,
        # A digest is nothing to be called for.
        skips=frozenset({Occasion.DIGEST}),
        keeps_state=True,
        per_minute=60,
    )


def check(config: Mapping[str, Any]) -> Iterable[str]:
    if not KEY.fullmatch(config.get("key", "")):
        yield "The API key has letters, digits and hyphens only."
