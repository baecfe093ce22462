from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Definition(models.Model):
    """One version of a saga type's description, as it was loaded. Never changed afterwards."""

    saga_type = models.CharField(max_length=200)
    version = models.CharField(max_length=100)
    source = models.TextField()  # the YAML, to the letter
    digest = models.CharField(max_length=64)  # SHA-256 of the source
    body = models.JSONField()  # sagas.definitions.Definition, as JSON
    # Names of its business keys, and of those by which its rules and conflicts look at other sagas: so that
    # ingest learns who looks at whom with the versions that it reads anyway (sagas.links).
    keys = ArrayField(models.TextField(), default=list)
    links = ArrayField(models.TextField(), default=list)
    loaded_at = models.DateTimeField(auto_now_add=True)
    loaded_by = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["saga_type", "version"], name="definition_once"),
        ]

    def __str__(self) -> str:
        return f"{self.saga_type} v{self.version}"


class Adoption(models.Model):
    """Giving a definition to the sagas that were waiting for it: written with it, worked off in chunks."""

    class State(models.TextChoices):
        RUNNING = "running"  # → done when all were looked at after the writers that may not know it had ended
        DONE = "done"

    definition = models.OneToOneField(Definition, models.CASCADE, related_name="adoption")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    # Transactions that wrote sagas when it was begun, and have not ended; null: nobody has begun.
    writers = ArrayField(models.TextField(), null=True)
    # Sagas with a greater key may have been heard of since it was loaded, and are to be looked at.
    since = models.BigIntegerField(default=0)
    # The last of those that were waiting which was looked at; null: all were, and it waits for the writers.
    position = models.BigIntegerField(null=True, default=0)
    total = models.IntegerField(default=0)  # sagas to look at, and those that were
    looked_at = models.IntegerField(default=0)
    adopted = models.IntegerField(default=0)  # sagas that have taken it, or another that came with it
    failed = models.IntegerField(default=0)  # sagas that our code could not read anew
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # What there is left to do, the oldest first.
            models.Index(fields=["id"], condition=Q(state="running"), name="adoption_running"),
        ]

    def __str__(self) -> str:
        return f"adoption of {self.definition}"

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING

    @property
    def share(self) -> int:
        """Percent."""
        return round(100 * self.looked_at / self.total) if self.total else 0

    @property
    def waits_for_writers(self) -> bool:
        """All were looked at, and are once more when the transactions of then have ended."""
        return self.is_running and self.position is None
