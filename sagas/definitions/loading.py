"""Definitions in the database: loaded once a version, and never changed afterwards."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import msgspec
from django.db import transaction

from sagas import audit, models, sql
from sagas.definitions.fields import as_stored
from sagas.definitions.parsing import parse
from sagas.definitions.reading import Complaint, DefinitionError, Document
from sagas.definitions.schema import Definition

# Held until the end of the transaction, so that definitions are seen in the order of their `loaded_at`: else
# a saga might have taken the later of two, and the earlier, which it should have, would not look for it.
LOAD_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('sagas.definitions.loading', 0))"


@dataclass(frozen=True, slots=True)
class Loaded:
    """`is_new` is False where this very text had been loaded before."""

    row: models.Definition
    is_new: bool


class Version(NamedTuple):
    """A loaded definition, without what it says.

    `is_watched`: some definition has rules or conflicts that look at its sagas, by a business key of both.
    """

    pk: int
    version: str
    loaded_at: datetime
    is_watched: bool = False


def load(text: str, file: str, by: audit.Actor) -> Loaded:
    """Keep a definition, with its audit entry. Raises `DefinitionError`, also where its version is taken.

    That sagas which were here before it are to have it is kept with it: workers see to that, and whoever
    has committed may begin with it at once (`sagas.ingest.adopt`).
    """
    definition = parse(text, file)
    digest = hashlib.sha256(text.encode()).hexdigest()
    with transaction.atomic():
        sql.run(LOAD_ALONE)
        row, is_new = models.Definition.objects.get_or_create(
            saga_type=definition.type,
            version=definition.version,
            defaults={
                "source": text,
                "digest": digest,
                "body": msgspec.to_builtins(definition, enc_hook=float),
                "loaded_by": by.name,
                "keys": sorted(definition.keys),
                "links": sorted(definition.linking),
            },
        )
        if is_new:
            models.Adoption.objects.create(definition=row)
            name = f"{definition.type}/{definition.version}"
            audit.record(
                by, "definition.loaded", ("definition", name), after={"file": file, "digest": digest}
            )
    if row.digest != digest:
        place = Document(text, file).place("version")
        message = (
            f'version must be a new one: "{row.version}" of {row.saga_type} was loaded with other content '
            f"on {row.loaded_at:%Y-%m-%d %H:%M} UTC by {row.loaded_by}"
        )
        raise DefinitionError([Complaint(file, place, message)])
    return Loaded(row, is_new)


@lru_cache(maxsize=1000)
def by_key(pk: int) -> Definition:
    """The definition of this row; kept in memory, as rows never change. Raises DoesNotExist."""
    body = models.Definition.objects.values_list("body", flat=True).get(pk=pk)
    definition: Definition = msgspec.convert(body, Definition, dec_hook=as_stored)
    return definition


def of(saga_type: str, version: str) -> Definition | None:
    pk = (
        models.Definition.objects.filter(saga_type=saga_type, version=version)
        .values_list("pk", flat=True)
        .first()
    )
    return None if pk is None else by_key(pk)
