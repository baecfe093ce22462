from django.db import models
from django.db.models import Q

from sagas.models.channel import OCCASIONS
from sagas.vocabulary import Occasion


class Alert(models.Model):
    """The intent to tell people something; committed with the change that it tells of.

    `problem` is the one that its words describe, the worst of its incident; a test or notice has none.
    """

    Occasion = Occasion

    incident = models.ForeignKey("sagas.Incident", models.CASCADE, null=True, related_name="alerts")
    problem = models.ForeignKey("sagas.Problem", models.CASCADE, null=True, related_name="alerts")
    occasion = models.CharField(max_length=12, choices=OCCASIONS)
    created_at = models.DateTimeField()
    # What was true when it was written: count, titles, first sentence, link (sagas.alerts.message.Summary).
    summary = models.JSONField()

    def __str__(self) -> str:
        return f"{self.occasion}: {self.problem}"


class Delivery(models.Model):
    """One alert to one target of one channel."""

    class State(models.TextChoices):
        PENDING = "pending"  # → sent, or → failed when attempts are used up
        SENT = "sent"
        FAILED = "failed"

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey("sagas.Channel", models.PROTECT, related_name="deliveries")
    target = models.CharField(max_length=500, blank=True)
    # Why this channel hears of it, and in which zone it reads times.
    because = models.TextField(blank=True)
    zone = models.CharField(max_length=100, default="UTC")
    # The same over retries, so that a doubled message can be recognised.
    message_id = models.UUIDField(unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts = models.IntegerField(default=0)
    # Not before this; moved forward by the lease of whoever claims it.
    next_attempt_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    # Others were told in its stead, as its channel takes nothing; and that it is itself such a one.
    replaced_at = models.DateTimeField(null=True)
    is_stand_in = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["alert", "channel", "target"], name="delivery_once"),
        ]
        indexes = [
            # The deliverer: what is due.
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"), name="delivery_due"),
            # What others may have to be told of (sagas.alerts.health).
            models.Index(
                fields=["id"],
                condition=Q(state__in=["pending", "failed"], replaced_at=None, is_stand_in=False),
                name="delivery_not_taken",
            ),
            # A channel's last deliveries.
            models.Index(fields=["channel", "-id"], name="delivery_of_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} to {self.target}" if self.target else str(self.channel)


class DeliveryAttempt(models.Model):
    """One try to deliver, and how it went."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    # Empty: it was taken. Else what the other side, or the network, said.
    error = models.TextField(blank=True)
    # Excerpts, without secrets.
    request = models.TextField(blank=True)
    answer = models.TextField(blank=True)

    class Meta:
        indexes = [
            # How many messages a channel was sent in the last minute.
            models.Index(fields=["-at"], name="delivery_attempt_newest"),
        ]

    def __str__(self) -> str:
        return self.error or "taken"


class Thread(models.Model):
    """What a channel has to remember of an incident: the provider's ids, so that updates join the thread."""

    incident = models.ForeignKey("sagas.Incident", models.CASCADE, related_name="threads", db_index=False)
    channel = models.ForeignKey("sagas.Channel", models.CASCADE, related_name="threads")
    target = models.CharField(max_length=500, blank=True)
    zone = models.CharField(max_length=100, default="UTC")
    state = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "channel", "target"], name="thread_once"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.target}".strip()
