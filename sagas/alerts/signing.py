"""Links in messages by which whoever was told may act without signing in: signed, and good for a week.

Whoever holds such a link may acknowledge or put off this one incident, and nothing else. A GET changes
nothing.
"""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing

from sagas.alerts import registered
from sagas.alerts.message import Acts
from sagas.models import Delivery, Incident

LIFE = timedelta(days=7)
SALT = "sagas.alerts.signing"
# Characters of a name; with what is added to it, the audit log and an incident take 200.
LONGEST_NAME = 150


class LinkError(ValueError):
    """A link that is no good, or not any more; its text tells the reader what to do."""


@dataclass(frozen=True, slots=True)
class Link:
    """`sent_to`: whom it was made for, as the audit log names whoever uses it."""

    incident: int
    sent_to: str


def token(link: Link) -> str:
    return signing.dumps([link.incident, link.sent_to], salt=SALT)


def read(text: str) -> Link:
    """Raises `LinkError`."""
    try:
        incident, sent_to = signing.loads(text, salt=SALT, max_age=LIFE)
    except signing.SignatureExpired:
        raise LinkError(f"This link was good for {LIFE.days} days. Sign in, and act on its page.") from None
    except (signing.BadSignature, ValueError, TypeError):
        raise LinkError("This link is not whole. Take it from the message once more, or sign in.") from None
    return Link(int(incident), str(sent_to))


def acts_for(delivery: Delivery, incident: Incident | None) -> Acts | None:
    """For one message; None where there is nothing to act on.

    Whom an admin's route reaches may act; who only watches may not, by their role perhaps not even signed in.
    """
    if incident is None or delivery.channel.name == registered.PEOPLE:
        return None
    signed = token(Link(incident.pk, _named(delivery)))
    address = f"{settings.BASE_URL}/alerts/act/{signed}"
    return Acts(address, f"{address}?put-off")


def _named(delivery: Delivery) -> str:
    """Whom the link is for. Of an address only its host, as the rest may be what keeps others out."""
    target = delivery.target
    if "://" in target:
        target = urlsplit(target).hostname or ""
    return (target or delivery.channel.name)[:LONGEST_NAME]
