"""What a person saw, as a digest that they send back: pure."""

import hashlib
import json

from sagas.detection.difference import events_of
from sagas.models import Finding, Problem


def of_finding(finding: Finding) -> str:
    """SHA-256, in hex, of which finding it is, whether it waits for somebody, and what proves it."""
    events = sorted(events_of(finding.evidence, finding.detail))
    return _digest(["finding", finding.pk, finding.is_waiting, finding.is_accepted, events])


def of_problem(problem: Problem) -> str:
    """Likewise of how many findings it has of each kind: whichever opens, closes or turns changes one."""
    counts = [problem.open_count, problem.accepted_count, problem.total_count]
    return _digest(["problem", problem.pk, *counts])


def _digest(content: list[object]) -> str:
    text = json.dumps(content, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
