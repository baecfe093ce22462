"""How every word of a state is shown on a page: sagas' own table, and the words that only pages need."""

from compensation.models import Repair, RepairAction
from sagas.models import Delivery, Quarantined
from sagas.vocabulary import LOOKS as SAGA_LOOKS
from sagas.vocabulary import Look, StepKind

# By the word's own text, as the words are plain strings in rows, URLs and templates.
LOOKS: dict[str, Look] = {
    **{str(word): look for word, look in SAGA_LOOKS.items()},
    Repair.State.RUNNING.value: Look("Running", "info", "play"),
    Repair.State.DONE.value: Look("Done", "ok", "check"),
    Repair.State.STOPPED.value: Look("Stopped", "bad", "pause"),
    Repair.State.CANCELLED.value: Look("Cancelled", "quiet", "skip"),
    RepairAction.State.WAITING.value: Look("Waiting", "quiet", "dots"),
    RepairAction.State.READY.value: Look("Ready", "info", "clock"),
    RepairAction.State.SENDING.value: Look("Sending", "info", "send"),
    RepairAction.State.AWAITING.value: Look("Awaiting confirmation", "warn", "clock"),
    RepairAction.State.REFUSED.value: Look("Refused", "bad", "cross"),
    RepairAction.State.EXHAUSTED.value: Look("Attempts used up", "bad", "cross"),
    Delivery.State.PENDING.value: Look("Being sent", "info", "send"),
    Delivery.State.SENT.value: Look("Told", "ok", "check"),
    Quarantined.State.OPEN.value: Look("Quarantined", "warn", "triangle"),
    # Kinds of steps.
    StepKind.COMPENSATABLE.value: Look("compensatable", "quiet", "undo"),
    StepKind.PIVOT.value: Look("pivot", "doubt", "lock"),
    StepKind.RETRIABLE.value: Look("retriable", "quiet", "retry"),
    StepKind.READONLY.value: Look("read-only", "quiet", "info"),
    # Problems, keys and secrets, versions, the audit chain.
    "resolved": Look("Resolved", "ok", "check"),
    "active": Look("In force", "ok", "key"),
    "revoked": Look("Revoked", "quiet", "cross"),
    "missing": Look("Missing", "warn", "triangle"),
    "older": Look("Not the newest", "warn", "clock"),
    "verified": Look("Verified", "ok", "check"),
    "broken": Look("Broken", "bad", "cross"),
    Quarantined.State.REPLAYED.value: Look("Replayed", "ok", "check"),
}


def look(word: str) -> Look:
    """The word's look; a word that no table knows is shown as it is, quietly."""
    return LOOKS.get(word) or Look(word.replace("_", " ").capitalize(), "quiet", "dots")
