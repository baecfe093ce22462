from django.db import models

from sagas.vocabulary import Occasion

OCCASIONS = [(occasion.value, occasion.value) for occasion in Occasion]


class Channel(models.Model):
    """A way to reach people, as an admin has set it up (sagas.alerts.channels). Its name is never changed."""

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    # By the fields of its kind; secrets encrypted (sagas.alerts.registered). Empty where the settings say.
    config = models.JSONField(default=dict)
    is_enabled = models.BooleanField(default=True)
    # Named by the environment: ALERT_EMAIL_TO, ALERT_WEBHOOK_URLS.
    is_built_in = models.BooleanField(default=False)
    # Messages a minute; what is more waits.
    per_minute = models.IntegerField()
    # Since when it has taken nothing that was sent there, and what was said last; null: it works.
    failing_since = models.DateTimeField(null=True)
    # When people were told of that, and others stand in for it; null: not yet.
    dead_since = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    last_sent_at = models.DateTimeField(null=True)
    # The row stays for what was sent there, without its config; another may take the name.
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(removed_at=None), name="channel_name_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Route(models.Model):
    """Which problems are told to whom, asked in the order of `position` (sagas.alerts.routing)."""

    position = models.IntegerField()
    name = models.CharField(max_length=100, unique=True)
    # Taken where no other holds; there is one at most, and without it the built-in channels are told.
    is_default = models.BooleanField(default=False)
    # A sagas.alerts.routing.Route.
    body = models.JSONField()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="route_default_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AlertSilence(models.Model):
    """Problems that nobody is to be told of for a while, and why. It stays in the list when it is over."""

    # A sagas.alerts.matching.Match.
    match = models.JSONField()
    reason = models.TextField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    # Somebody ended it before.
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["-expires_at"], name="alert_silence_expiry")]

    def __str__(self) -> str:
        return self.reason
