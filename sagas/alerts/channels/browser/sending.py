"""Notifications in browsers: pages of the console fetch them, so that nothing is sent anywhere.

That a delivery was made says that pages may show it, not that anybody had one open.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from sagas.alerts.channels.kind import Destination, Field, FieldType, Kind, Sent
from sagas.alerts.message import Message
from sagas.alerts.wording import fit, headline, paragraphs
from sagas.vocabulary import Occasion

# Characters and sentences; operating systems show about as much.
LONGEST_TITLE = 120
LONGEST_BODY = 300
SENTENCES = 2


def send(message: Message, destination: Destination, state: Mapping[str, Any]) -> Sent:
    """Nothing is called: that it is delivered is what pages look for."""
    title, body = words(message)
    return Sent({}, destination.mask(f"{title}\n{body}".strip()), "Open pages of the console show it.")


def words(message: Message) -> tuple[str, str]:
    """Title and text; browsers take them to the letter."""
    body = fit(" ".join(islice(paragraphs(message), SENTENCES)), LONGEST_BODY)
    return fit(headline(message), LONGEST_TITLE), body


def targets(config: Mapping[str, Any], owner: str) -> Iterable[str]:
    """Names of people; "": everybody."""
    return dict.fromkeys(config.get("people", ())) or ("",)


KIND = Kind(
    name="browser",
    title="Browser notification",
    icon="person",
    says="On the screens of those who have the console open and switched notifications on.",
    fields=(
        Field(
            "people",
            "People",
            FieldType.LINES,
            "Names with which they sign in, one a line; empty: everybody.",
            required=False,
        ),
    ),
    send=send,
    targets=targets,
    # That somebody has seen to it is no reason to disturb the others.
    skips=frozenset({Occasion.ACKNOWLEDGED, Occasion.ASSIGNED}),
    per_minute=60,
)
