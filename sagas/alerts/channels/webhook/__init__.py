"""Signed JSON to any address."""

from sagas.alerts.channels.kind import Field, FieldType, Kind
from sagas.alerts.channels.webhook.sending import check, send, targets

KIND = Kind(
    name="webhook",
    title="Webhook",
    icon="send",
    says="JSON, signed as Standard Webhooks says; for programs of your own.",
    fields=(
        Field("urls", "Addresses", FieldType.ADDRESSES, "One a line; each gets every message."),
        Field(
            "secret", "Signing secret", FieldType.SECRET, "whsec_ and base64, as Standard Webhooks has it."
        ),
    ),
    send=send,
    targets=targets,
    check=check,
    per_minute=600,
)
