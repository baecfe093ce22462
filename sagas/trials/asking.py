"""What people do with trials: ask for one, cancel it, and load what was tried."""

import hashlib
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from sagas import audit, changes, definitions, ingest, models
from sagas.definitions import Loaded
from sagas.models import Adoption, Trial
from sagas.trials import looking, queue

# Trials that may wait or be at work; they are done one after another.
MOST_AT_WORK = 20

State = Trial.State


class TrialError(Exception):
    """Why it cannot be done, for people."""


class TooManyError(TrialError):
    """Enough trials wait already."""


class FinishedError(TrialError):
    """There is nothing left to cancel."""


class NotTriedError(TrialError):
    """It has not been tried to the end, so nobody knows what activating it would bring about."""


class ChangedError(TrialError):
    """What is to be activated is not what was tried."""


class Activated(NamedTuple):
    """The loaded definition, and how far it has come to the sagas that waited for it."""

    loaded: Loaded
    adoption: Adoption


def ask(text: str, file: str, by: audit.Actor) -> Trial:
    """A trial of this text, to be worked on in the background; the one that is at it already, if one is.

    Raises `DefinitionError` with all complaints, where `file` is the text's name in them; `TooManyError`.
    """
    definition = definitions.parse(text, file)
    digest = hashlib.sha256(text.encode()).hexdigest()
    with transaction.atomic():
        at_work = Trial.objects.filter(state__in=[State.WAITING, State.RUNNING])
        if at_work.count() >= MOST_AT_WORK:
            raise TooManyError(f"{MOST_AT_WORK} trials are waiting already. Cancel one, or ask again later.")
        of, cursor = looking.extent(definition.type)
        trial, is_new = at_work.get_or_create(
            digest=digest,
            defaults={
                "text": text,
                "saga_type": definition.type,
                "version": definition.version,
                "asked_by": by.name,
                "asked_at": timezone.now(),
                "of": of,
                "cursor": cursor,
            },
        )
        if is_new:
            after = {"type": definition.type, "version": definition.version, "digest": digest}
            audit.record(by, "trial.asked", ("trial", str(trial)), after=after)
            changes.tell("trials")
            queue.nudge()
    return trial


def cancel(trial: Trial, by: audit.Actor) -> None:
    """End it where it is; what it has found so far stays. Raises `FinishedError`."""
    with transaction.atomic():
        at_work = Trial.objects.filter(pk=trial.pk, state__in=[State.WAITING, State.RUNNING])
        if not at_work.update(state=State.CANCELLED, finished_at=timezone.now()):
            raise FinishedError(f"{trial} has ended already.")
        audit.record(by, "trial.cancelled", ("trial", str(trial)))
        changes.tell("trials", f"trial:{trial.pk}")
        queue.nudge()


def activate(trial: Trial, digest: str, by: audit.Actor) -> Activated:
    """Load exactly what was tried; `digest` is that of the text which whoever asks has seen.

    Raises `NotTriedError`, `ChangedError`, and `DefinitionError` where its version is taken by other content.
    """
    with transaction.atomic():
        kept = Trial.objects.select_for_update().get(pk=trial.pk)
        if kept.state != State.DONE:
            raise NotTriedError(f"{kept} has not been tried to the end, so it cannot be activated.")
        if not digest == kept.digest == hashlib.sha256(kept.text.encode()).hexdigest():
            raise ChangedError(
                f"This is not the text that {kept} tried (sha256 {kept.digest}). Nothing was activated: "
                "try the changed text first."
            )
        loaded = definitions.load(kept.text, str(kept), by)
        kept.definition = loaded.row
        kept.save(update_fields=["definition"])
        changes.tell("trials", f"trial:{kept.pk}")
    return Activated(loaded, ingest.adopt(loaded.row))


def already_loaded(trial: Trial) -> models.Definition | None:
    """The definition that has this type and version, be it with this text or with another."""
    return models.Definition.objects.filter(saga_type=trial.saga_type, version=trial.version).first()
