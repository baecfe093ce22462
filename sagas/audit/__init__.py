"""The audit log: one module appends, one verifies. Rows are dense, chained by hash, and never changed.

The database refuses UPDATE, DELETE and TRUNCATE of entries by triggers (migrations 0002 and 0014). Whoever
can switch triggers off is found out by `verify`: each entry's hash covers its content and the hash before it,
and the head, which is locked by every append, names the last one.
"""

from sagas.audit import proof
from sagas.audit.content import content, content_hash, is_sound
from sagas.audit.recording import Actor, Entry, NotInTransactionError, record, record_all
from sagas.audit.values import clean_address, plain, storable
from sagas.audit.verifying import Broken, Verified, verify
from verifier.chain import GENESIS

__all__ = [
    "GENESIS",
    "Actor",
    "Broken",
    "Entry",
    "NotInTransactionError",
    "Verified",
    "clean_address",
    "content",
    "content_hash",
    "is_sound",
    "plain",
    "proof",
    "record",
    "record_all",
    "storable",
    "verify",
]
