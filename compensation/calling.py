"""Making a call that was claimed: outside of any transaction, to the letter, signed."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import ClientSession

from compensation.transports import Answer, Call, TransportError, http
from sagas import participants
from sagas.models import Participant
from sagas.secrets import SecretUnreadableError


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one call and to record its answer."""

    action_pk: int
    fence: int
    attempt_pk: int
    kind: str
    request: dict[str, str]
    idempotency_key: str
    participant: Participant | None
    # What is learnt from the answer happened no earlier than this.
    not_before: datetime


def call(claim: Claim) -> Answer | TransportError:
    """Send the request, to the letter. Outside of any transaction."""
    try:
        return http.send(prepared(claim))
    except TransportError as error:
        return error


async def call_over(session: ClientSession, claim: Claim) -> Answer | TransportError:
    """The same over a session that other calls use, too."""
    try:
        return await http.send_over(session, prepared(claim))
    except TransportError as error:
        return error


def prepared(claim: Claim) -> Call:
    """The request with what it is signed by. Raises TransportError where it cannot be signed."""
    participant = claim.participant
    try:
        secret = participants.signing_secret(participant) if participant else None
    except SecretUnreadableError as error:
        raise TransportError(str(error), permanent=True) from None
    if participant is None or not secret:
        raise TransportError("The participant has no signing secret any more.", permanent=True)
    return Call(
        method=claim.request["method"],
        url=claim.request["url"],
        body=claim.request["body"],
        idempotency_key=claim.idempotency_key,
        base_url=participant.base_url,
        secret=secret,
    )
