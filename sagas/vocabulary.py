"""The words of Amends, each in one place: kinds, states, conditions, and how they look.

Pages, the API, the docs and the tests read these tables. Sources of the words: Garcia-Molina & Salem
1987; Richardson, *Microservices Patterns* ch. 4; MicroProfile LRA.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an event says. Kinds of one family share the word before the dot."""

    SAGA_STARTED = "saga.started"
    SAGA_COMPENSATING = "saga.compensating"
    SAGA_COMPLETED = "saga.completed"
    SAGA_COMPENSATED = "saga.compensated"
    SAGA_FAILED = "saga.failed"
    SAGA_ABORTED = "saga.aborted"
    SAGA_TIMED_OUT = "saga.timed_out"
    SAGA_SUSPENDED = "saga.suspended"
    SAGA_RESUMED = "saga.resumed"
    SAGA_NOTE = "saga.note"
    STEP_STARTED = "step.started"
    STEP_ATTEMPT_FAILED = "step.attempt_failed"
    STEP_COMPLETED = "step.completed"
    STEP_FAILED = "step.failed"
    STEP_TIMED_OUT = "step.timed_out"
    STEP_SKIPPED = "step.skipped"
    COMPENSATION_STARTED = "compensation.started"
    COMPENSATION_ATTEMPT_FAILED = "compensation.attempt_failed"
    COMPENSATION_COMPLETED = "compensation.completed"
    COMPENSATION_FAILED = "compensation.failed"
    COMPENSATION_SKIPPED = "compensation.skipped"
    # What Amends itself records when a person acts. The ones that name an outcome count in the fold.
    OPERATOR_REPAIR_STARTED = "operator.repair_started"
    OPERATOR_REPAIR_FINISHED = "operator.repair_finished"
    OPERATOR_ASKED = "operator.asked"
    OPERATOR_REFUSED = "operator.refused"
    OPERATOR_STEP_COMPLETED = "operator.step_completed"
    OPERATOR_STEP_FAILED = "operator.step_failed"
    OPERATOR_COMPENSATION_COMPLETED = "operator.compensation_completed"
    OPERATOR_NOTE = "operator.note"

    @property
    def family(self) -> str:
        return self.value.partition(".")[0]

    @property
    def needs_step(self) -> bool:
        return self.family in {"step", "compensation"}


# A step outcome that a person recorded, or that a participant gave as its answer to Amends.
SAID_TO_AMENDS = {
    Kind.OPERATOR_STEP_COMPLETED: Kind.STEP_COMPLETED,
    Kind.OPERATOR_STEP_FAILED: Kind.STEP_FAILED,
    Kind.OPERATOR_COMPENSATION_COMPLETED: Kind.COMPENSATION_COMPLETED,
}


class StepKind(StrEnum):
    COMPENSATABLE = "compensatable"
    PIVOT = "pivot"  # the point of no return
    RETRIABLE = "retriable"  # after the pivot: goes forward until it succeeds
    READONLY = "readonly"  # leaves no effect


class StepState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"  # its outcome is unknown
    SKIPPED = "skipped"
    COMPENSATING = "compensating"
    COMPENSATED = "compensated"
    COMPENSATION_FAILED = "compensation_failed"


class Learned(StrEnum):
    """What a deadline that was learned may do (sagas.detection.learned)."""

    WARN = "warn"  # be shown
    PAGE = "page"  # and wake people, as a declared one does
    OFF = "off"  # nothing


class Status(StrEnum):
    """Where a saga stands, as its events tell."""

    RUNNING = "running"
    COMPENSATING = "compensating"
    COMPLETED = "completed"
    COMPENSATED = "compensated"
    FAILED = "failed"
    SUSPENDED = "suspended"


ENDED = frozenset({Status.COMPLETED, Status.COMPENSATED, Status.FAILED})


class Condition(StrEnum):
    """The worst open finding of a saga, as shown. Ordered from well to worst."""

    HEALTHY = "healthy"
    STUCK = "stuck"
    IN_DOUBT = "in_doubt"
    COMPENSATION_FAILED = "compensation_failed"
    INCONSISTENT = "inconsistent"

    @property
    def rank(self) -> int:
        return list(Condition).index(self)


class Severity(StrEnum):
    """How much a finding asks of people, from least to most (alerts: `TOLD`)."""

    NOTE = "note"  # about the data: shown aside, changes no saga's condition, never pages anyone
    WARNING = "warning"  # shown, not told
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


# What an alert may be about.
TOLD = frozenset({Severity.ERROR, Severity.CRITICAL})


class Code(StrEnum):
    """What can be wrong with a saga (DOMAIN.md, "Findings")."""

    STEP_OVERDUE = "step_overdue"
    STEP_IN_DOUBT = "step_in_doubt"
    SAGA_STALLED = "saga_stalled"
    COMPENSATION_OVERDUE = "compensation_overdue"
    COMPENSATION_FAILED = "compensation_failed"
    SAGA_TIMED_OUT = "saga_timed_out"
    MISSING_COMPENSATION = "missing_compensation"
    LATE_FORWARD_AFTER_COMPENSATION = "late_forward_after_compensation"
    LATE_FORWARD_AFTER_ABORT = "late_forward_after_abort"
    CONFLICTING_OUTCOME = "conflicting_outcome"
    DUPLICATE_COMPLETION = "duplicate_completion"
    DOUBLE_COMPENSATION = "double_compensation"
    COMPENSATION_AFTER_COMMIT = "compensation_after_commit"
    COMMIT_AFTER_ABORT = "commit_after_abort"
    ROLLBACK_PAST_PIVOT = "rollback_past_pivot"
    MISSING_STEP = "missing_step"
    TERMINAL_WITHOUT_RESOLUTION = "terminal_without_resolution"
    ZOMBIE_ACTIVITY = "zombie_activity"
    OUTCOME_MISMATCH = "outcome_mismatch"
    RULE_BROKEN = "rule_broken"
    RULE_UNDECIDED = "rule_undecided"
    ATTEMPT_STORM = "attempt_storm"
    OVERLAPPING_SAGAS = "overlapping_sagas"
    SAGA_ID_REUSED = "saga_id_reused"
    SOURCE_SILENT = "source_silent"
    # About the data.
    CLOCK_SKEW = "clock_skew"
    SEQUENCE_GAP = "sequence_gap"
    UNKNOWN_STEP = "unknown_step"


@dataclass(frozen=True, slots=True)
class Fault:
    """How one code is judged and told. `title` completes "<step title> …", or says it all."""

    condition: Condition
    severity: Severity
    title: str


def _inconsistent(title: str, severity: Severity = Severity.ERROR) -> Fault:
    return Fault(Condition.INCONSISTENT, severity, title)


def _note(title: str) -> Fault:
    return Fault(Condition.HEALTHY, Severity.NOTE, title)


FAULTS: dict[Code, Fault] = {
    Code.STEP_OVERDUE: Fault(Condition.STUCK, Severity.ERROR, "is overdue"),
    Code.STEP_IN_DOUBT: Fault(Condition.IN_DOUBT, Severity.ERROR, "never answered"),
    Code.SAGA_STALLED: Fault(Condition.STUCK, Severity.ERROR, "never started"),
    Code.COMPENSATION_OVERDUE: Fault(Condition.STUCK, Severity.ERROR, "was not undone in time"),
    Code.COMPENSATION_FAILED: Fault(Condition.COMPENSATION_FAILED, Severity.CRITICAL, "could not be undone"),
    Code.SAGA_TIMED_OUT: Fault(Condition.IN_DOUBT, Severity.ERROR, "the saga timed out"),
    Code.MISSING_COMPENSATION: _inconsistent("was never undone", Severity.CRITICAL),
    Code.LATE_FORWARD_AFTER_COMPENSATION: _inconsistent("completed after it was undone", Severity.CRITICAL),
    Code.LATE_FORWARD_AFTER_ABORT: _inconsistent("completed after the saga went back", Severity.CRITICAL),
    Code.CONFLICTING_OUTCOME: _inconsistent("both completed and failed"),
    Code.DUPLICATE_COMPLETION: _inconsistent("completed twice"),
    Code.DOUBLE_COMPENSATION: _inconsistent("was undone twice"),
    Code.COMPENSATION_AFTER_COMMIT: _inconsistent("was undone after the saga had completed"),
    Code.COMMIT_AFTER_ABORT: _inconsistent("the saga completed after it went back"),
    Code.ROLLBACK_PAST_PIVOT: _inconsistent("had passed when the saga went back", Severity.CRITICAL),
    Code.MISSING_STEP: _inconsistent("is missing though the saga completed", Severity.CRITICAL),
    Code.TERMINAL_WITHOUT_RESOLUTION: Fault(
        Condition.IN_DOUBT, Severity.ERROR, "had no result when the saga ended"
    ),
    Code.ZOMBIE_ACTIVITY: _inconsistent("went on after the saga ended"),
    Code.OUTCOME_MISMATCH: _inconsistent("the engine's word is not what the steps show"),
    Code.RULE_BROKEN: _inconsistent("is broken"),
    Code.RULE_UNDECIDED: Fault(Condition.IN_DOUBT, Severity.ERROR, "cannot be decided"),
    Code.ATTEMPT_STORM: Fault(Condition.STUCK, Severity.ERROR, "is tried again and again"),
    Code.OVERLAPPING_SAGAS: _inconsistent("two sagas are at work on the same thing"),
    Code.SAGA_ID_REUSED: _inconsistent("the saga's id was used twice"),
    Code.SOURCE_SILENT: Fault(Condition.STUCK, Severity.ERROR, "has gone silent"),
    Code.CLOCK_SKEW: _note("has clocks that disagree"),
    Code.SEQUENCE_GAP: _note("events are missing between others"),
    Code.UNKNOWN_STEP: _note("is not in the definition"),
}


class Role(StrEnum):
    """What people are here: Django groups, each of which may do what the one before it may, and more."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class Occasion(StrEnum):
    """Why people are told something now (sagas.alerts)."""

    OPENED = "opened"
    WORSENED = "worsened"  # more sagas, a higher stake, more severe, or more problems of one participant
    RESOLVED = "resolved"
    REOPENED = "reopened"  # it was told to be over, and is back
    ACKNOWLEDGED = "acknowledged"  # somebody sees to it, or put it off
    ASSIGNED = "assigned"  # to a person, or to nobody again
    ESCALATED = "escalated"  # nobody saw to it in time: the next ones hear of it
    TEST = "test"  # somebody tries a channel out
    DIGEST = "digest"  # what is open, once a day
    NOTICE = "notice"  # about Amends itself: a channel that takes nothing


class Voice(StrEnum):
    """Whether a participant is heard as it should be."""

    SPEAKS = "speaks"
    SILENT = "silent"  # it normally speaks, and has said nothing for too long
    LEARNING = "learning"  # too little is known of its rhythm
    NOT_JUDGED = "not_judged"  # an admin says that it may be silent
    UNHEARD = "unheard"  # it never said anything


@dataclass(frozen=True, slots=True)
class Look:
    """How a word is shown: always icon, word and tone together, never colour alone."""

    label: str
    tone: str  # a class of the style sheet: ok, info, warn, doubt, bad, odd, undo, quiet
    icon: str  # a name in templates/components/icons.html


LOOKS: dict[StrEnum, Look] = {
    Condition.HEALTHY: Look("Healthy", "ok", "check"),
    Condition.STUCK: Look("Stuck", "warn", "clock"),
    Condition.IN_DOUBT: Look("In doubt", "doubt", "half"),
    Condition.COMPENSATION_FAILED: Look("Compensation failed", "bad", "cross"),
    Condition.INCONSISTENT: Look("Inconsistent", "odd", "triangle"),
    Status.RUNNING: Look("Running", "info", "play"),
    Status.COMPENSATING: Look("Compensating", "undo", "undo"),
    Status.COMPLETED: Look("Completed", "ok", "check"),
    Status.COMPENSATED: Look("Compensated", "undo", "undo"),
    Status.FAILED: Look("Failed", "bad", "cross"),
    Status.SUSPENDED: Look("Suspended", "quiet", "pause"),
    StepState.PENDING: Look("Pending", "quiet", "dots"),
    StepState.RUNNING: Look("Running", "info", "play"),
    StepState.COMPLETED: Look("Completed", "ok", "check"),
    StepState.FAILED: Look("Failed", "bad", "cross"),
    StepState.TIMED_OUT: Look("Timed out", "doubt", "half"),
    StepState.SKIPPED: Look("Skipped", "quiet", "skip"),
    StepState.COMPENSATING: Look("Compensating", "undo", "undo"),
    StepState.COMPENSATED: Look("Compensated", "undo", "undo"),
    StepState.COMPENSATION_FAILED: Look("Compensation failed", "bad", "cross"),
    Voice.SPEAKS: Look("Speaks", "ok", "check"),
    Voice.SILENT: Look("Silent", "warn", "pause"),
    Voice.LEARNING: Look("Learning", "quiet", "dots"),
    Voice.NOT_JUDGED: Look("Not judged", "quiet", "info"),
    Voice.UNHEARD: Look("Never heard", "quiet", "question"),
}
