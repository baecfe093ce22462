from django.db import models
from django.db.models import Q


class Quarantined(models.Model):
    """An event that could not be understood, kept as it came until its cause is mended."""

    class State(models.TextChoices):
        OPEN = "open"  # → replayed when a replay stores it; stays open when it is refused again
        REPLAYED = "replayed"

    participant = models.ForeignKey("sagas.Participant", models.CASCADE, related_name="quarantined")
    # The scope of the key it came with: a replay may do no more than the key could.
    saga_types = models.JSONField(default=list)
    received_at = models.DateTimeField()
    body = models.BinaryField()  # one event in structured JSON, or the bytes that were sent
    reason = models.CharField(max_length=60)  # a code, e.g. "missing_attribute"
    detail = models.TextField()  # what and where, for people
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    replays = models.IntegerField(default=0)
    replayed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "quarantined"
        indexes = [
            models.Index(fields=["-id"], condition=Q(state="open"), name="quarantined_open"),
        ]

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
