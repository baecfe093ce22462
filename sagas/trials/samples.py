"""Events to try a definition's mappings on: pasted ones, and those kept because no mapping took them."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from sagas.definitions import Definition
from sagas.events import plain
from sagas.events.mapping import Tried, trying
from sagas.models import ForeignType, Participant, Quarantined

# Kept events of one type that are tried: the newest.
MOST_KEPT = 100


def split(text: str) -> list[bytes]:
    """Pasted JSON as samples: one document, or else one a line, as many as are tried at all.

    What is no JSON either way is left whole, for `try_on` to say what is wrong with it.
    """
    whole = text.strip().encode()
    if not whole:
        return []
    lines = [line for line in whole.splitlines() if line.strip()]
    if len(lines) > 1 and not _is_json(whole) and _is_json(lines[0]):
        return lines[: trying.MOST]
    return [whole]


def try_pasted(
    definition: Definition, text: str, sender: Participant | None, now: datetime
) -> Sequence[Tried]:
    """`sender`: whose defaults make events of plain JSON; None: nobody's."""
    return trying.try_on(definition, split(text), now=now, defaults=_defaults(sender))


def try_kept(definition: Definition, of: ForeignType, now: datetime) -> Sequence[Tried]:
    """What would become of the newest events of this type that are in quarantine, which stay there."""
    rows = Quarantined.objects.filter(foreign_type=of, state=Quarantined.State.OPEN).order_by("-pk")
    bodies = rows.values_list("body", flat=True)[:MOST_KEPT]
    samples = [bytes(body) for body in bodies]
    return trying.try_on(definition, samples, now=now, defaults=_defaults(of.participant))


def _defaults(sender: Participant | None) -> plain.Defaults | None:
    if sender is None or sender.plain_json is None:
        return None
    return msgspec.convert(sender.plain_json, plain.Defaults)


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
