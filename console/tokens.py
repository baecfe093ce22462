"""People's API tokens: made, shown once, found again by their digest, revoked."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from console.models import ApiToken
from sagas import audit
from sagas.audit import Actor

PREFIX = "amd_"
# Characters of a token that are kept, so that people can tell their tokens apart.
SHOWN = 12
# A token's last use is written at most this often, so that reading does not mean writing.
USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Issued:
    token: ApiToken
    secret: str  # told once; only its digest is kept


def issue(user: AbstractBaseUser, by: Actor) -> Issued:
    """Make a token that carries the roles the user has at each use."""
    secret = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        digest = _digest(secret.encode())
        token = ApiToken.objects.create(user_id=user.pk, prefix=secret[:SHOWN], digest=digest)
        after = {"user": user.get_username(), "prefix": token.prefix}
        audit.record(by, "token.issued", ("token", str(token.pk)), after=after)
    return Issued(token, secret)


def revoke(token: ApiToken, by: Actor) -> bool:
    """End the token for good; False where it had been revoked before."""
    with transaction.atomic():
        in_force = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        is_first = in_force.update(revoked_at=timezone.now()) == 1
        if is_first:
            before = {"user": token.user.get_username(), "prefix": token.prefix}
            audit.record(by, "token.revoked", ("token", str(token.pk)), before=before)
    return is_first


def find(secret: bytes) -> ApiToken | None:
    """The token in force that has this secret, of a user who is active; notes that it was used."""
    token = (
        ApiToken.objects.select_related("user")
        .filter(digest=_digest(secret), revoked_at=None, user__is_active=True)
        .first()
    )
    now = timezone.now()
    if token and (token.last_used_at is None or now - token.last_used_at >= USE_NOTED_EVERY):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
