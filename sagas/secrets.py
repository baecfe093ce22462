"""Secrets that Amends must be able to read again: encrypted with the first of ENCRYPTION_KEYS."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SecretUnreadableError(Exception):
    """A stored secret was encrypted with a key that is not in ENCRYPTION_KEYS."""

    def __str__(self) -> str:
        return "The secret was encrypted with a key that is not in ENCRYPTION_KEYS."


def encrypt(secret: str) -> str:
    return _keys().encrypt(secret.encode()).decode()


def decrypt(stored: str) -> str:
    """Raises `SecretUnreadableError`."""
    try:
        return _keys().decrypt(stored.encode()).decode()
    except InvalidToken:
        raise SecretUnreadableError from None


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
