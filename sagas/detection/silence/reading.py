"""How a participant is heard, for whoever shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import Prefetch, QuerySet

from sagas.models import Hearing, Participant, Rhythm, Silence
from sagas.vocabulary import Voice

# Participants, whatever else is annotated.
P = TypeVar("P", bound=Participant)


@dataclass(frozen=True, slots=True)
class Heard:
    """`usual` and `patience` in seconds: its usual pause, and the one after which it counts as silent."""

    voice: Voice
    at: datetime | None
    usual: float | None
    patience: float | None
    silence: Silence | None  # the open one, with its problem


def with_voices(participants: QuerySet[P]) -> QuerySet[P]:
    """With all that `heard` needs, in one query more."""
    silences = Silence.objects.filter(closed_at=None).select_related("problem")
    return participants.select_related("hearing", "rhythm").prefetch_related(
        Prefetch("silences", silences, to_attr="open_silences")
    )


def heard(participant: Participant) -> Heard:
    """Of a participant `with_voices`."""
    hearing: Hearing | None = getattr(participant, "hearing", None)
    rhythm: Rhythm | None = getattr(participant, "rhythm", None)
    silences: list[Silence] = participant.open_silences  # type: ignore[attr-defined]  # by with_voices
    declared = participant.speaks_every
    patience = float(declared) if declared is not None else rhythm.patience if rhythm else None
    if participant.may_be_silent:
        patience = None
    silence = silences[0] if silences else None
    if hearing is None:
        voice = Voice.UNHEARD
    elif silence is not None:
        voice = Voice.SILENT
    elif participant.may_be_silent:
        voice = Voice.NOT_JUDGED
    else:
        voice = Voice.LEARNING if patience is None else Voice.SPEAKS
    at, usual = hearing.heard_at if hearing else None, rhythm.usual if rhythm else None
    return Heard(voice, at, usual, patience, silence)
