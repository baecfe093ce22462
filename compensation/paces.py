"""How much of Amends a participant bears in repairs of many sagas, as an admin says."""

from django.db import transaction

from compensation.models import Pace
from sagas import audit
from sagas.audit import Actor
from sagas.models import Participant

# Calls under way at a time, where nobody says; and at most.
USUAL, MOST = 16, 256
# Calls a second that can be asked for.
SLOWEST, FASTEST = 0.1, 10_000.0


class PaceError(ValueError):
    """What was asked for is no pace; the text is for people."""


def read(at_once: str, per_second: str) -> tuple[int, float | None]:
    """As it was typed: calls at a time, and a second; that empty: as many as it answers. Raises PaceError."""
    return _at_once(at_once.strip()), _per_second(per_second.strip())


def choose(participant: Participant, by: Actor, at_once: int, per_second: float | None) -> Pace:
    """Within the bounds above. A choice that changes nothing is not recorded."""
    wanted = {"at_once": at_once, "per_second": per_second}
    with transaction.atomic():
        Pace.objects.get_or_create(participant=participant)
        pace = Pace.objects.select_for_update().get(participant=participant)
        before = {"at_once": pace.at_once, "per_second": pace.per_second}
        if before != wanted:
            pace.at_once, pace.per_second = at_once, per_second
            pace.save(update_fields=["at_once", "per_second"])
            named = ("participant", participant.name)
            audit.record(by, "participant.pace_chosen", named, before=before, after=wanted)
    return pace


def _at_once(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST):
        raise PaceError(f"Calls at a time must be a whole number from 1 to {MOST}.")
    return int(text)


def _per_second(text: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not SLOWEST <= number <= FASTEST:
        raise PaceError(f"Calls a second must be a number from {SLOWEST} to {FASTEST:,.0f}, or empty.")
    return number
