from django.contrib.postgres.fields import ArrayField
from django.db import models


class Participant(models.Model):
    """A service that owns steps: where Amends may call it, and with what it signs."""

    name = models.CharField(max_length=200, unique=True)
    owner = models.CharField(max_length=200, blank=True)
    # Scheme, host and port, maybe a path. Empty: Amends never calls it.
    base_url = models.URLField(max_length=500, blank=True)
    # A Standard Webhooks secret, encrypted with ENCRYPTION_KEYS; empty: nothing can be sent to it.
    signing_secret = models.TextField(blank=True)
    # How to read what it sends as plain JSON (sagas.events.plain.Defaults); null: that is not taken.
    plain_json = models.JSONField(null=True)
    # Seconds: it says something at least this often, as declared; null: as learned (sagas.detection.silence).
    speaks_every = models.IntegerField(null=True)
    # Declared: that it says nothing is never found.
    may_be_silent = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class ParticipantKey(models.Model):
    """A key with which a participant sends events. Shown once; only its SHA-256 is kept."""

    participant = models.ForeignKey(Participant, models.CASCADE, related_name="keys")
    # The first characters, so that people can tell keys apart.
    prefix = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32, unique=True)
    # Saga types this key may report on. Empty: all.
    saga_types = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.participant} {self.prefix}…"
