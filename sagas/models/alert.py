from django.db import models
from django.db.models import Q


class Alert(models.Model):
    """The intent to tell people something about a problem; committed with the change that it tells of."""

    class Occasion(models.TextChoices):
        OPENED = "opened"
        WORSENED = "worsened"
        RESOLVED = "resolved"

    problem = models.ForeignKey("sagas.Problem", models.CASCADE, related_name="alerts")
    occasion = models.CharField(max_length=10, choices=Occasion)
    created_at = models.DateTimeField()
    # What was true when it was written: count, titles, first sentence, link.
    summary = models.JSONField()

    def __str__(self) -> str:
        return f"{self.occasion}: {self.problem}"


class Delivery(models.Model):
    """One alert to one address."""

    class Channel(models.TextChoices):
        EMAIL = "email"
        WEBHOOK = "webhook"

    class State(models.TextChoices):
        PENDING = "pending"  # → sent, or → failed when attempts are used up
        SENT = "sent"
        FAILED = "failed"

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=Channel)
    target = models.CharField(max_length=500)
    # The same over retries, so that a doubled message can be recognised.
    message_id = models.UUIDField(unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts = models.IntegerField(default=0)
    # Not before this; moved forward by the lease of whoever claims it.
    next_attempt_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["alert", "channel", "target"], name="delivery_once"),
        ]
        indexes = [
            # The deliverer: what is due.
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"), name="delivery_due"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} to {self.target}"


class DeliveryAttempt(models.Model):
    """One try to deliver, and how it went."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    # Empty: it was taken. Else what the other side, or the network, said.
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.error or "taken"
