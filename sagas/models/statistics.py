from django.db import models


class StepDay(models.Model):
    """How the executions of one step ended on one day (UTC), and how long they took.

    Kept by sagas.learning; each saga is counted once, when it is over.
    """

    saga_type = models.CharField(max_length=200)
    version = models.CharField(max_length=100, blank=True)  # of the definition; empty where there was none
    step = models.TextField()
    day = models.DateField()
    # How executions ended; `unanswered` timed out or were still open when their saga ended.
    completed = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    unanswered = models.BigIntegerField(default=0)
    # What became of their compensations.
    compensated = models.BigIntegerField(default=0)
    compensation_failed = models.BigIntegerField(default=0)
    # From asking to completion, forward and back: sagas.learning.sketch.Durations, packed.
    forward = models.BinaryField(default=b"")
    back = models.BinaryField(default=b"")

    class Meta:
        constraints = [
            # Also the way to all days of a saga type.
            models.UniqueConstraint(fields=["saga_type", "version", "step", "day"], name="step_day_once"),
        ]

    def __str__(self) -> str:
        return f"{self.saga_type} {self.version} {self.step} {self.day}"


class StepNorm(models.Model):
    """What is normal for a step: its days of the last weeks together. Made anew when they change."""

    saga_type = models.CharField(max_length=200)
    version = models.CharField(max_length=100, blank=True)
    step = models.TextField()
    # What it was made of, so that one glance tells whether it is up to date: the first day, and the
    # outcomes that were counted from then on.
    since = models.DateField()
    counted = models.BigIntegerField()
    # Seconds; null where nothing was measured.
    samples = models.BigIntegerField(default=0)
    p50 = models.FloatField(null=True)
    p95 = models.FloatField(null=True)
    p99 = models.FloatField(null=True)
    forward = models.BinaryField(default=b"")
    # The same of its compensation.
    back_samples = models.BigIntegerField(default=0)
    back_p50 = models.FloatField(null=True)
    back_p95 = models.FloatField(null=True)
    back_p99 = models.FloatField(null=True)
    back = models.BinaryField(default=b"")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["saga_type", "version", "step"], name="step_norm_once"),
        ]

    def __str__(self) -> str:
        return f"{self.saga_type} {self.version} {self.step}"


class Unlearned(models.Model):
    """A saga that is over and waits to be learned from (sagas.learning.learner). Gone when that is done.

    The database does not check that the saga exists: whoever writes holds its row.
    """

    saga = models.OneToOneField(
        "sagas.Saga", models.CASCADE, primary_key=True, related_name="unlearned", db_constraint=False
    )

    class Meta:
        verbose_name_plural = "unlearned"

    def __str__(self) -> str:
        return f"saga {self.saga_id}"
