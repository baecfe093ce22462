"""What a person saw, as a digest that they send back."""

import json

from django.utils.crypto import salted_hmac

from sagas.detection import grounds
from sagas.models import Finding, Problem


def of_finding(finding: Finding) -> str:
    """HMAC of which finding it is, whether it waits for somebody, and what it stands on; in hex.

    Of the finding as it is stored, with nothing masked. It is keyed, as a masked value could be guessed.
    """
    events = sorted(grounds.events_of(finding.evidence, finding.detail))
    seen = [events, grounds.seen_in(finding.detail)]
    return _digest(["finding", finding.pk, finding.is_waiting, finding.is_accepted, *seen])


def of_problem(problem: Problem) -> str:
    """Likewise of how many findings it has of each kind: whichever opens, closes or turns changes one."""
    counts = [problem.open_count, problem.accepted_count, problem.total_count]
    return _digest(["problem", problem.pk, *counts])


def _digest(content: list[object]) -> str:
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    return salted_hmac("sagas.acceptance", text, algorithm="sha256").hexdigest()
