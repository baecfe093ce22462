from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models

# How words of a reason are told apart: as they are written, in whatever language.
WORDS = "simple"


class AuditEntry(models.Model):
    """One act of a person, key or of Amends itself. Append-only by triggers, chained by hash."""

    # Dense: a gap is a missing row.
    sequence = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    # person, token, key or system; the name is copied, so that it survives the actor.
    actor_kind = models.CharField(max_length=10)
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=60)  # e.g. "repair.started"
    # What it was done to: ("saga", "order-fulfilment/order-8492"), ("participant", "shipping") …
    object_kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=750)
    saga = models.ForeignKey("sagas.Saga", models.PROTECT, null=True, related_name="audit")
    reason = models.TextField(blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    address = models.GenericIPAddressField(null=True)
    # Of all above. The hash is of this and of the hash before, so that few entries can be proven without all.
    content_hash = models.CharField(max_length=64)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ["-sequence"]
        indexes = [
            # The audit page and the API: by whom, what, when and why. Beginnings need the order of patterns.
            # To what it was done is in `audit_of_object` (migration 0016_audit_search).
            models.Index(
                fields=["actor", "sequence"],
                opclasses=["varchar_pattern_ops", "int8_ops"],
                name="audit_of_actor",
            ),
            models.Index(
                fields=["action", "sequence"],
                opclasses=["varchar_pattern_ops", "int8_ops"],
                name="audit_of_action",
            ),
            models.Index(fields=["at"], name="audit_at"),
            GinIndex(SearchVector("reason", config=WORDS), name="audit_words"),
        ]

    def __str__(self) -> str:
        return f"#{self.sequence} {self.actor} {self.action}"


class AuditHead(models.Model):
    """The newest link of the chain: locked by whoever appends, and proof that no last row is missing."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    sequence = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="audit_head_single"),
        ]

    def __str__(self) -> str:
        return f"#{self.sequence}"


class AuditAnchor(models.Model):
    """The hash that an entry had at some moment, kept apart from the chain; never changed, by a trigger."""

    sequence = models.BigIntegerField(primary_key=True)
    hash = models.CharField(max_length=64)
    at = models.DateTimeField()
    # Telling the receivers: moved forward by the lease of whoever does it, and by each failure.
    next_attempt_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-sequence"]

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"
