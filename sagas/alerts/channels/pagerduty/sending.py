"""Sending events to PagerDuty."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from sagas.alerts.channels.calling import post_json
from sagas.alerts.channels.kind import Destination, Field, FieldType, Kind, Sent, region
from sagas.alerts.channels.pagerduty.event import events
from sagas.alerts.message import Message
from sagas.vocabulary import Occasion

# Where the service regions of PagerDuty take events.
REGIONS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
TITLES = {"us": "United States", "eu": "Europe"}

KEY = re.compile(r"[0-9A-Za-z]{32}")


def pagerduty(regions: Mapping[str, str] = REGIONS) -> Kind:
    """`regions`: their base addresses."""

    def send(message: Message, destination: Destination, state: Mapping[str, Any]) -> Sent:
        """Send what the message means there; raises DeliveryError."""
        address = f"{regions[destination.config['region']]}/v2/enqueue"
        key = {"routing_key": destination.config["key"]}
        due = list(events(message, settings.BASE_URL))
        answers = [post_json(destination, address, key | event, parts=len(due)) for event in due]
        return Sent({}, answers[0].request, answers[0].said)

    return Kind(
        name="pagerduty",
        title="PagerDuty",
        icon="phone",
        says="An incident a problem, triggered, acknowledged and resolved; PagerDuty knows who is on call.",
        fields=(
            Field(
                "key",
                "Integration key",
                FieldType.SECRET,
                "32 letters and digits: of an integration “Events API V2” of the service.",
            ),
            region("Service region", regions, TITLES),
        ),
        send=send,
        check=check,
        # A digest is nothing to be called for.
        skips=frozenset({Occasion.ASSIGNED, Occasion.DIGEST}),
        keeps_state=True,
        per_minute=120,
    )


def check(config: Mapping[str, Any]) -> Iterable[str]:
    if not KEY.fullmatch(config.get("key", "")):
        yield "The integration key has 32 letters and digits."
