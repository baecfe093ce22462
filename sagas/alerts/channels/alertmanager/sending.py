"""Posting alerts to an Alertmanager, or to each of a cluster."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from sagas.alerts.channels.alertmanager.alerts import Known, alerts, known
from sagas.alerts.channels.calling import post_json
from sagas.alerts.channels.kind import Destination, Field, FieldType, Kind, Sent
from sagas.alerts.message import Message
from sagas.vocabulary import Occasion


def send(message: Message, destination: Destination, state: Mapping[str, Any]) -> Sent:
    """Post it as it is now, for as long as it holds; raises DeliveryError."""
    before = Known(state["labels"], datetime.fromisoformat(state["starts"])) if state else None
    content = alerts(message, before, datetime.now(UTC))
    address = f"{destination.target.rstrip('/')}/api/v2/alerts"
    answer = post_json(
        destination,
        address,
        content,
        _signed_in(destination.config),
        # Whatever a proxy before it says may be mended by the next minute.
        is_permanent=lambda status: status == HTTPStatus.BAD_REQUEST,
    )
    it = known(message, before)
    after = {} if message.is_over else {"labels": dict(it.labels), "starts": it.starts.isoformat()}
    return Sent(after, answer.request, answer.said)


def targets(config: Mapping[str, Any], owner: str) -> Iterable[str]:
    return dict.fromkeys(config.get("urls", ()))


def check(config: Mapping[str, Any]) -> Iterable[str]:
    if config.get("user") and not config.get("password"):
        yield "Name the password of the user."
    if ":" in config.get("user", ""):
        yield "A user's name has no colon."


def _signed_in(config: Mapping[str, Any]) -> dict[str, str]:
    user, password = config.get("user", ""), config.get("password", "")
    if user:
        return {"authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
    return {"authorization": f"Bearer {password}"} if password else {}


KIND = Kind(
    name="alertmanager",
    title="Prometheus Alertmanager",
    icon="bell",
    says="An alert a problem, for Alertmanager's own routes, silences and receivers.",
    fields=(
        Field(
            "urls",
            "Addresses",
            FieldType.ADDRESSES,
            "http://alertmanager:9093, without /api/v2; of a cluster each of its members, one a line.",
        ),
        Field("user", "User", hint="Where a proxy before it asks for one.", required=False),
        Field(
            "password",
            "Password",
            FieldType.SECRET,
            "Of the user; without a user it is sent as a bearer token.",
            required=False,
        ),
    ),
    send=send,
    targets=targets,
    check=check,
    # A digest is no alert.
    skips=frozenset({Occasion.DIGEST}),
    keeps_state=True,
    renews=True,
    per_minute=600,
)
