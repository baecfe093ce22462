"""Who must agree where a definition does not say: loaded into the database, the newest in force."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from django.db import connection, transaction
from django.utils import timezone

from compensation import policy
from compensation.models import DefaultPolicy
from sagas import audit, definitions
from sagas.definitions import ApprovalRule, Policy
from sagas.definitions.fields import as_stored


@dataclass(frozen=True, slots=True)
class InForce:
    """`row` is None as long as none was loaded: then it is what is built in."""

    rules: Sequence[ApprovalRule]
    row: DefaultPolicy | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """`is_new` is False where this very text was in force already."""

    row: DefaultPolicy
    is_new: bool


def load(text: str, file: str, by: audit.Actor) -> Loaded:
    """Put a policy in force from now on, with its audit entry. Raises `definitions.DefinitionError`."""
    read = definitions.parse_policy(text, file)
    digest = hashlib.sha256(text.encode()).hexdigest()
    with transaction.atomic():
        # One after the other, so that the newest row is also the last one in the audit log.
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE compensation_defaultpolicy IN SHARE ROW EXCLUSIVE MODE")
        before = _newest()
        if before and before.digest == digest:
            return Loaded(before, is_new=False)
        row = DefaultPolicy.objects.create(
            source=text,
            digest=digest,
            body=msgspec.to_builtins(read, enc_hook=float),
            loaded_at=timezone.now(),
            loaded_by=by.name,
        )
        audit.record(
            by,
            "policy.loaded",
            ("policy", str(row.pk)),
            before={"policy": before.pk, "digest": before.digest} if before else None,
            after={"file": file, "digest": digest},
        )
    return Loaded(row, is_new=True)


def in_force() -> InForce:
    row = _newest()
    if row is None:
        return InForce(policy.BUILT_IN, None)
    return InForce(msgspec.convert(row.body, Policy, dec_hook=as_stored).approval, row)


def _newest() -> DefaultPolicy | None:
    return DefaultPolicy.objects.order_by("-pk").first()
