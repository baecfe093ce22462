"""Why nothing was accepted or withdrawn; each as text is what a person is told."""

from datetime import datetime

from sagas.models import Finding


class AcceptanceError(Exception):
    """Nothing was changed."""


class ReasonMissingError(AcceptanceError):
    def __init__(self) -> None:
        super().__init__("Say why: the reason is shown beside what is accepted, and kept in the audit log.")


class ChangedError(AcceptanceError):
    """It is not what was looked at."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} has changed since you looked. Nothing was accepted: look again.")


class CountError(AcceptanceError):
    """`now` is how many there are to accept."""

    def __init__(self, then: int, now: int) -> None:
        self.then, self.now = then, now
        super().__init__(
            f"There {_are(now)} to accept now, and you confirmed {then:,}. Nothing was accepted: look again."
        )


class NotWaitingError(AcceptanceError):
    """It is over, or somebody was faster; `by` and `at` are theirs."""

    def __init__(self, finding: Finding) -> None:
        self.by, self.at = finding.accepted_by, finding.accepted_at
        super().__init__(
            f"{self.by} accepted this at {_time(finding.accepted_at)}: {finding.accepted_reason}"
            if finding.is_accepted and finding.accepted_at
            else "This is over since you looked: there is nothing left to accept."
        )


class NotAcceptedError(AcceptanceError):
    def __init__(self, finding: Finding) -> None:
        super().__init__(
            "This is over since you looked: there is nothing to withdraw."
            if finding.closed_at
            else "This is not accepted any more: it was withdrawn, or its evidence has changed."
        )


def _are(count: int) -> str:
    return "is 1 finding" if count == 1 else f"are {count:,} findings"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
