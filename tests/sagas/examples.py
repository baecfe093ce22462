"""For each code the shortest line that opens it: proven by test_examples, shown in docs/anomalies.md."""

from dataclasses import dataclass

from sagas.vocabulary import Code


@dataclass(frozen=True, slots=True)
class Example:
    """`words` as in tests.sagas.saying, ten seconds apart; judged `after` seconds past the last."""

    words: str
    after: float = 3600
    is_described: bool = False  # with saying.DEFINITION


EXAMPLES: dict[Code, Example] = {
    Code.STEP_OVERDUE: Example("charge:S charge:R"),
    Code.STEP_IN_DOUBT: Example("charge:S"),
    Code.SAGA_STALLED: Example("charge:S charge:C"),
    Code.COMPENSATION_OVERDUE: Example("charge:C ship:F charge:KS"),
    Code.COMPENSATION_FAILED: Example("charge:C ship:F charge:KS charge:K-", 0),
    Code.SAGA_TIMED_OUT: Example("saga.started charge:C saga.timed_out"),
    Code.MISSING_COMPENSATION: Example("reserve:C charge:C saga.compensating charge:K+ saga.failed"),
    Code.LATE_FORWARD_AFTER_COMPENSATION: Example("charge:S charge:KS charge:K+ charge:C"),
    Code.LATE_FORWARD_AFTER_ABORT: Example("charge:C ship:S charge:K+ ship:C"),
    Code.CONFLICTING_OUTCOME: Example("charge:S charge:C charge:F saga.completed"),
    Code.DUPLICATE_COMPLETION: Example("charge:S charge:C charge:C saga.completed"),
    Code.DOUBLE_COMPENSATION: Example("charge:C charge:KS charge:K+ charge:K+"),
    Code.COMPENSATION_AFTER_COMMIT: Example("charge:C saga.completed charge:KS charge:K+"),
    Code.COMMIT_AFTER_ABORT: Example("charge:C saga.compensating saga.completed"),
    Code.ROLLBACK_PAST_PIVOT: Example("charge:C ship:C charge:KS charge:K+", 0, True),
    Code.MISSING_STEP: Example("check:C charge:C saga.completed", 3600, True),
    Code.TERMINAL_WITHOUT_RESOLUTION: Example("charge:C ship:S saga.completed"),
    Code.ZOMBIE_ACTIVITY: Example("charge:C saga.completed ship:S ship:C"),
    Code.OUTCOME_MISMATCH: Example("charge:C saga.completed saga.failed", 5),
    Code.ATTEMPT_STORM: Example("charge:S " + "charge:R " * 20, 0),
    Code.UNKNOWN_STEP: Example("check:C charge:C ship:C other:C saga.completed", 0, True),
}

# What takes more than one saga, or more than words, to show.
TOLD: dict[Code, str] = {
    Code.RULE_BROKEN: "ship completed → charge undone, where a rule says that what is shipped is paid",
    Code.RULE_UNDECIDED: "ship started → charge undone: whether the rule holds depends on ship's answer",
    Code.OVERLAPPING_SAGAS: "order 8492: charge completed, no end → refund of order 8492: pay out started",
    Code.SAGA_ID_REUSED: "saga started (order 8492) → saga started (order 8493)",
    Code.SOURCE_SILENT: "payment speaks every 4 s → nothing for 5 min, from none of its sagas",
    Code.CLOCK_SKEW: "charge started at 10:00:50 by the engine's clock → done at 10:00:00 by the service's",
    Code.SEQUENCE_GAP: "event 1 → event 2 → event 4, of a source that numbers the events of each saga",
}
