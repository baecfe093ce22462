"""How every word of a state is shown on a page: sagas' own table, and the words that only pages need."""

from compensation.models import Batch, BatchSaga, Repair, RepairAction
from sagas.models import Delivery, Quarantined
from sagas.vocabulary import LOOKS as SAGA_LOOKS
from sagas.vocabulary import Code, Kind, Look, Severity, StepKind

# By the word's own text, as the words are plain strings in rows, URLs and templates.
LOOKS: dict[str, Look] = {
    **{str(word): look for word, look in SAGA_LOOKS.items()},
    Repair.State.RUNNING.value: Look("Running", "info", "play"),
    Repair.State.DONE.value: Look("Done", "ok", "check"),
    Repair.State.STOPPED.value: Look("Stopped", "bad", "pause"),
    Repair.State.CANCELLED.value: Look("Cancelled", "quiet", "skip"),
    Batch.State.PLANNING.value: Look("Being planned", "info", "dots"),
    Batch.State.PLANNED.value: Look("Planned", "info", "clock"),
    Batch.State.ASKING.value: Look("Waits for agreement", "warn", "person"),
    Batch.State.AGREED.value: Look("Agreed", "ok", "person"),
    Batch.State.HOLDING.value: Look("Canary is through", "warn", "clock"),
    Batch.State.PAUSED.value: Look("Paused", "warn", "pause"),
    BatchSaga.State.LEFT.value: Look("Left alone", "quiet", "skip"),
    BatchSaga.State.DROPPED.value: Look("Dropped out", "warn", "triangle"),
    BatchSaga.State.BEGUN.value: Look("Begun", "info", "play"),
    "glass_broken": Look("Glass broken", "bad", "lock"),
    RepairAction.State.WAITING.value: Look("Waiting", "quiet", "dots"),
    RepairAction.State.READY.value: Look("Ready", "info", "clock"),
    RepairAction.State.SENDING.value: Look("Sending", "info", "send"),
    RepairAction.State.AWAITING.value: Look("Awaiting confirmation", "warn", "clock"),
    RepairAction.State.REFUSED.value: Look("Refused", "bad", "cross"),
    RepairAction.State.EXHAUSTED.value: Look("Attempts used up", "bad", "cross"),
    # A delivery that is "pending" is shown by a word of its own, as a step may be pending, too.
    "being_sent": Look("Being sent", "info", "send"),
    Delivery.State.SENT.value: Look("Told", "ok", "check"),
    # Channels.
    "works": Look("Works", "ok", "check"),
    "untried": Look("Has taken nothing yet", "quiet", "dots"),
    "failing": Look("Fails", "warn", "triangle"),
    "dead": Look("Takes nothing", "bad", "cross"),
    "switched_off": Look("Switched off", "quiet", "pause"),
    Quarantined.State.OPEN.value: Look("Quarantined", "warn", "triangle"),
    # Kinds of steps.
    StepKind.COMPENSATABLE.value: Look("compensatable", "quiet", "undo"),
    StepKind.PIVOT.value: Look("pivot", "doubt", "lock"),
    StepKind.RETRIABLE.value: Look("retriable", "quiet", "retry"),
    StepKind.READONLY.value: Look("read-only", "quiet", "info"),
    # Kinds of events.
    Kind.SAGA_STARTED.value: Look("saga started", "info", "play"),
    Kind.SAGA_COMPENSATING.value: Look("going back", "undo", "undo"),
    Kind.SAGA_COMPLETED.value: Look("saga completed", "ok", "check"),
    Kind.SAGA_COMPENSATED.value: Look("saga compensated", "undo", "undo"),
    Kind.SAGA_FAILED.value: Look("saga failed", "bad", "cross"),
    Kind.SAGA_ABORTED.value: Look("saga aborted", "bad", "cross"),
    Kind.SAGA_TIMED_OUT.value: Look("saga timed out", "doubt", "half"),
    Kind.SAGA_SUSPENDED.value: Look("suspended", "quiet", "pause"),
    Kind.SAGA_RESUMED.value: Look("resumed", "info", "play"),
    Kind.SAGA_NOTE.value: Look("note", "quiet", "info"),
    Kind.STEP_STARTED.value: Look("started", "info", "play"),
    Kind.STEP_ATTEMPT_FAILED.value: Look("attempt failed", "warn", "retry"),
    Kind.STEP_COMPLETED.value: Look("completed", "ok", "check"),
    Kind.STEP_FAILED.value: Look("failed", "bad", "cross"),
    Kind.STEP_TIMED_OUT.value: Look("timed out", "doubt", "half"),
    Kind.STEP_SKIPPED.value: Look("skipped", "quiet", "skip"),
    Kind.COMPENSATION_STARTED.value: Look("compensating", "undo", "undo"),
    Kind.COMPENSATION_ATTEMPT_FAILED.value: Look("compensation attempt failed", "warn", "retry"),
    Kind.COMPENSATION_COMPLETED.value: Look("compensated", "undo", "check"),
    Kind.COMPENSATION_FAILED.value: Look("compensation failed", "bad", "cross"),
    Kind.COMPENSATION_SKIPPED.value: Look("compensation skipped", "quiet", "skip"),
    Kind.OPERATOR_REPAIR_STARTED.value: Look("repair started", "info", "person"),
    Kind.OPERATOR_REPAIR_FINISHED.value: Look("repair ended", "info", "person"),
    Kind.OPERATOR_ASKED.value: Look("was asked", "info", "question"),
    Kind.OPERATOR_REFUSED.value: Look("refused", "bad", "cross"),
    Kind.OPERATOR_STEP_COMPLETED.value: Look("completed", "ok", "person"),
    Kind.OPERATOR_STEP_FAILED.value: Look("failed", "bad", "person"),
    Kind.OPERATOR_COMPENSATION_COMPLETED.value: Look("compensated", "undo", "person"),
    Kind.OPERATOR_NOTE.value: Look("note", "quiet", "person"),
    # What a step leaves behind.
    "in_effect": Look("In effect", "warn", "dots"),
    "effect_unknown": Look("Effect unknown", "doubt", "half"),
    # Problems, keys and secrets, versions and their changes, the audit chain.
    "resolved": Look("Resolved", "ok", "check"),
    # Amends itself.
    "well": Look("Well", "ok", "check"),
    "not_well": Look("Not well", "bad", "triangle"),
    "accepted": Look("Accepted", "quiet", "person"),
    Severity.NOTE.value: Look("About the data", "quiet", "info"),
    # Turns of a finding; "changed" and "accepted" are below and above.
    "opened": Look("Found", "warn", "triangle"),
    "reopened": Look("Reopened", "warn", "triangle"),
    "closed": Look("Over", "ok", "check"),
    "active": Look("In force", "ok", "key"),
    "revoked": Look("Revoked", "quiet", "cross"),
    "missing": Look("Missing", "warn", "triangle"),
    "added": Look("Added", "ok", "plus"),
    "removed": Look("Removed", "bad", "cross"),
    "changed": Look("Changed", "info", "pen"),
    "moved": Look("Moved", "quiet", "retry"),
    "older": Look("Not the newest", "warn", "clock"),
    "verified": Look("Verified", "ok", "check"),
    "broken": Look("Broken", "bad", "cross"),
    Severity.NOTE.value: Look("Note", "quiet", "info"),
    "not_taken": Look("Not taken", "warn", "cross"),
    Code.UNKNOWN_STEP.value: Look("Unknown step", "warn", "triangle"),
    Quarantined.State.REPLAYED.value: Look("Replayed", "ok", "check"),
}


def look(word: str) -> Look:
    """The word's look; a word that no table knows is shown as it is, quietly."""
    return LOOKS.get(word) or Look(word.replace("_", " ").capitalize(), "quiet", "dots")
