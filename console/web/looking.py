"""Where to look at what a finding is about; looking changes nothing."""

from django.urls import reverse

from console import addresses, anchors
from sagas.advice import Action
from sagas.models import Finding


def address(way: Action, finding: Finding) -> str:
    """Of the page that shows it; `finding` comes with its saga."""
    page = addresses.saga(finding.saga.saga_type, finding.saga.saga_id)
    match way:
        case Action.RELATED:
            return f"{page}?tab=related#detail"
        case Action.CLOCKS:
            return f"{page}?tab=events#detail"
        case Action.PARTICIPANT:
            return reverse("participants")
        case Action.DEFINITION:
            return reverse("definitions")
        case Action.ACCEPT:
            return accept(finding)
    if not finding.evidence:
        return f"{page}?tab=findings#finding-{finding.pk}"
    event = finding.evidence[0]
    anchor = anchors.of_event(event["source"], event["id"])
    return f"{page}?tab=events&event={anchor}#{anchor}"


def accept(finding: Finding) -> str:
    """Where it is accepted; the page shows what that would be."""
    return f"{addresses.saga(finding.saga.saga_type, finding.saga.saga_id)}findings/{finding.pk}/accept"


def withdraw(finding: Finding) -> str:
    return f"{addresses.saga(finding.saga.saga_type, finding.saga.saga_id)}findings/{finding.pk}/withdraw"
