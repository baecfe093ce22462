"""Anchors: now and then the hash of the newest entry is written down, logged, and told to whoever keeps it.

Whoever may rewrite the chain with all its hashes may rewrite the anchors in the database, too, but not those
that were kept elsewhere.
"""

import json
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sagas import sql
from sagas.alerts.channels.kind import DeliveryError, Destination
from sagas.alerts.channels.webhook.sending import post
from sagas.models import AuditAnchor, AuditEntry

log = structlog.get_logger()

# Longer than telling all receivers takes, one after another, as long as they are few.
LEASE = timedelta(seconds=60)

# One statement, so that of several workers one writes it.
WRITE = """
INSERT INTO sagas_auditanchor (sequence, hash, at, next_attempt_at)
SELECT head.sequence, head.hash, %(now)s, %(now)s
FROM sagas_audithead head LEFT JOIN LATERAL (
    SELECT sequence, at FROM sagas_auditanchor ORDER BY sequence DESC LIMIT 1
) last ON true
WHERE head.sequence > coalesce(last.sequence, 0)
    AND (
        last.sequence IS NULL
        OR last.at <= %(before)s
        OR head.sequence - last.sequence >= %(entries)s
    )
ON CONFLICT DO NOTHING
RETURNING sequence, hash
"""

# The newest alone: it vouches for all that is before it.
CLAIM = """
UPDATE sagas_auditanchor SET next_attempt_at = %(lease)s
WHERE sequence = (SELECT max(sequence) FROM sagas_auditanchor)
    AND told_at IS NULL
    AND next_attempt_at <= %(now)s
RETURNING sequence
"""


def work() -> None:
    """Write an anchor where one is due, and tell the newest. May run twice at once, late or never."""
    write(timezone.now())
    tell(timezone.now())


def write(now: datetime) -> bool:
    """Anchor the newest entry, if there is one, and the last anchor is old or many entries came since.

    What is old and many is said by AUDIT_ANCHOR_EVERY and AUDIT_ANCHOR_ENTRIES. False where none is due.
    """
    before = now - timedelta(seconds=settings.AUDIT_ANCHOR_EVERY)
    written = sql.run(WRITE, now=now, before=before, entries=settings.AUDIT_ANCHOR_ENTRIES)
    for sequence, hash in written:
        log.info("audit: anchored", sequence=sequence, hash=hash)
    return bool(written)


def keep(entry: AuditEntry) -> None:
    """Anchor the entry that was just recorded, in its transaction, for what is taken along from here."""
    AuditAnchor.objects.create(
        sequence=entry.sequence, hash=entry.hash, at=entry.at, next_attempt_at=entry.at
    )
    transaction.on_commit(
        lambda: log.info("audit: anchored", sequence=entry.sequence, hash=entry.hash), robust=True
    )


def tell(now: datetime) -> bool:
    """Send the newest anchor to AUDIT_ANCHOR_WEBHOOK_URLS, until all have taken it; whether they have, now.

    Where one has not, all get it again a minute later, under the same id.
    """
    if not settings.AUDIT_ANCHOR_WEBHOOK_URLS:
        return False
    claimed = sql.run(CLAIM, now=now, lease=now + LEASE)
    if not claimed:
        return False
    anchor = AuditAnchor.objects.get(pk=claimed[0][0])
    refused = 0
    for url in settings.AUDIT_ANCHOR_WEBHOOK_URLS:
        try:
            post(uuid5(NAMESPACE_OID, f"audit anchor {anchor}"), _destination(url), payload(anchor))
        except DeliveryError as error:
            refused += 1
            log.warning(
                "audit: nobody took the anchor", target=url, sequence=anchor.sequence, error=str(error)
            )
    if refused:
        return False
    AuditAnchor.objects.filter(pk=anchor.pk).update(told_at=now)
    return True


def _destination(url: str) -> Destination:
    secret = settings.ALERT_WEBHOOK_SECRET
    return Destination("AUDIT_ANCHOR_WEBHOOK_URLS", {"secret": secret}, url, (secret,))


def payload(anchor: AuditAnchor) -> str:
    data = {"sequence": anchor.sequence, "hash": anchor.hash}
    return json.dumps({"type": "audit.anchored", "timestamp": anchor.at.isoformat(), "data": data})
