"""E-mail, over the mail server of EMAIL_URL."""

from sagas.alerts.channels.email.sending import send, targets
from sagas.alerts.channels.kind import Field, FieldType, Kind
from sagas.vocabulary import Occasion

KIND = Kind(
    name="email",
    title="E-mail",
    icon="mail",
    says="Text and HTML by the mail server of EMAIL_URL; a thread a problem.",
    fields=(
        Field(
            "to", "To", FieldType.MAILS, "One address a line; each gets a mail of its own.", required=False
        ),
        Field(
            "owner",
            "and the owner",
            FieldType.FLAG,
            "Whoever the definition names as owner, where that is an e-mail address.",
            required=False,
        ),
    ),
    send=send,
    targets=targets,
    # That somebody has seen to it is no reason to wake the others.
    skips=frozenset({Occasion.ACKNOWLEDGED, Occasion.ASSIGNED}),
    per_minute=60,
)
