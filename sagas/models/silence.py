from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Hearing(models.Model):
    """When a participant was last heard: an event of it was accepted, also a repeated one.

    Written by web processes every few seconds (sagas.hearing), apart from the participant's own row and with
    no index but its key, so that it is updated in place and nobody waits for it.
    """

    participant = models.OneToOneField(
        "sagas.Participant", models.CASCADE, primary_key=True, related_name="hearing"
    )
    heard_at = models.DateTimeField()
    # Moments at which it was heard and that its rhythm has not learned from yet, in any order.
    ticks = ArrayField(models.DateTimeField(), default=list)

    def __str__(self) -> str:
        return f"{self.participant_id} {self.heard_at}"


class Rhythm(models.Model):
    """How a participant normally speaks: the pauses between the moments at which it was heard."""

    participant = models.OneToOneField(
        "sagas.Participant", models.CASCADE, primary_key=True, related_name="rhythm"
    )
    # Since when it is listened to, and the newest moment that was learned from.
    since = models.DateTimeField()
    until = models.DateTimeField()
    # Pauses of this period and of the one before (sagas.learning.sketch.Durations, packed); what is older is
    # forgotten.
    period_since = models.DateTimeField()
    pauses = models.BinaryField(default=b"")
    before = models.BinaryField(default=b"")
    # Seconds; null while too little is known. The usual pause, and after which one it counts as silent.
    usual = models.FloatField(null=True)
    patience = models.FloatField(null=True)

    def __str__(self) -> str:
        return f"{self.participant_id} every {self.usual} s"


class Silence(models.Model):
    """A time in which a participant that normally speaks said nothing. Opening and closing are one row."""

    participant = models.ForeignKey("sagas.Participant", models.CASCADE, related_name="silences")
    # Its own, or the one of all who fell silent together.
    problem = models.ForeignKey("sagas.Problem", models.PROTECT, related_name="silences")
    since = models.DateTimeField()  # when it was last heard
    # Seconds, as they were when it opened: after which pause it counted as silent, and the usual pause.
    patience = models.FloatField()
    usual = models.FloatField(null=True)
    is_declared = models.BooleanField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["participant"], condition=Q(closed_at__isnull=True), name="silence_open_once"
            ),
        ]
        indexes = [
            # The newest silences of a participant, for its page.
            models.Index(fields=["participant", "-opened_at"], name="silence_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.participant_id} since {self.since}"


class Listening(models.Model):
    """Since when Amends has listened without a pause, and what a silence that came or went leaves to do."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    since = models.DateTimeField()
    # When the pause before that began.
    deaf_since = models.DateTimeField()
    # Findings that are to be judged anew: of what was due since then, by their keys. Null: none.
    review_since = models.DateTimeField(null=True)
    review_after = models.BigIntegerField(default=0)
    review_until = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="listening_single")]

    def __str__(self) -> str:
        return f"since {self.since}"
