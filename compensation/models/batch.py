"""One decision about many sagas: planned, agreed to, and run at a pace that the participants bear."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from compensation.models.repair import Repair


class Batch(models.Model):
    """A repair of many sagas. Its plan is pinned: `plan_hash` covers each saga's revision and plan."""

    class State(models.TextChoices):
        PLANNING = "planning"  # → planned
        PLANNED = "planned"  # → asking, running; waits for whoever planned it
        ASKING = "asking"  # waits for others to agree → agreed, planned (denied, expired)
        AGREED = "agreed"  # → running
        RUNNING = "running"  # → holding, paused, done, cancelled
        HOLDING = "holding"  # the canary is through and a person has to look → running, cancelled
        PAUSED = "paused"  # by a person, or by itself past its failure rate → running, cancelled
        DONE = "done"  # nothing is left to do; some of it may need a person
        CANCELLED = "cancelled"

    intent = models.CharField(max_length=12, choices=Repair.Intent)
    step = models.TextField(blank=True)  # empty: the whole saga
    # What was chosen, as people say it and as it is found again.
    title = models.TextField()
    selection = models.JSONField()
    reason = models.TextField()
    state = models.CharField(max_length=12, choices=State, default=State.PLANNING)
    # Why it stands where it stands, where nobody's button says so: stopped by itself, denied, expired.
    because = models.TextField(blank=True)

    # SHA-256 of the canonical plan; empty while planning.
    plan_hash = models.CharField(max_length=64, blank=True)
    # Counts by kind of action and by why sagas are left alone, stakes by currency (batches.planning).
    summary = models.JSONField(default=dict)
    # Who must agree, as the policy said when it was planned (compensation.policy); null: nobody.
    requirement = models.JSONField(null=True)
    expires_at = models.DateTimeField(null=True)

    # The first so many sagas go ahead of the others; 0: none do.
    canary = models.PositiveIntegerField(default=0)
    # Whether a person has to look at the canary, or the failure rate alone decides.
    holds = models.BooleanField(default=True)
    # Share of the sagas that have ended of which it stops by itself.
    most_failures = models.FloatField(
        default=0.05, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    # Whether the canary has been passed.
    is_released = models.BooleanField(default=False)
    # Failures that whoever resumed it had seen: they do not stop it again.
    forgiven = models.PositiveIntegerField(default=0)

    planned_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    planned_by_name = models.CharField(max_length=200)
    planned_at = models.DateTimeField()
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    started_by_name = models.CharField(max_length=200, blank=True)
    # What they started it with, as the audit log tells actors apart (sagas.audit.Actor): person, token.
    started_by_kind = models.CharField(max_length=20, default="person")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # Somebody started it against the policy, and why; kept in sight for good.
    broken_glass = models.TextField(blank=True)

    # Whoever plans or runs it holds it until then; whoever holds an older fence may write nothing.
    lease_until = models.DateTimeField(null=True)
    fence = models.IntegerField(default=0)

    class Meta:
        verbose_name_plural = "batches"
        indexes = [
            # Recovery: what should be at work, and whether somebody is.
            models.Index(
                fields=["lease_until"], condition=Q(state__in=["planning", "running"]), name="batch_at_work"
            ),
            # What somebody began of late (compensation.begun).
            models.Index(fields=["started_by", "started_at"], name="batch_begun_lately"),
        ]

    def __str__(self) -> str:
        return f"B-{self.pk}"


class BatchSaga(models.Model):
    """One saga of a batch, pinned to its revision and plan."""

    class State(models.TextChoices):
        CHOSEN = "chosen"  # not planned yet → planned, left
        PLANNED = "planned"  # → begun, dropped, cancelled
        LEFT = "left"  # nothing may, or need, be done: `code` and `why`
        DROPPED = "dropped"  # not as it was when it was planned: for another look
        BEGUN = "begun"  # its repair says the rest
        CANCELLED = "cancelled"

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="sagas")
    position = models.IntegerField()  # from 1; the canary is the first
    saga = models.ForeignKey("sagas.Saga", models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=State, default=State.CHOSEN)
    revision = models.IntegerField(default=0)
    plan_hash = models.CharField(max_length=64, blank=True)
    # Of each action kind, participant and step, in order (compensation.batches.kinds).
    actions = ArrayField(models.TextField(), default=list)
    warnings = ArrayField(models.TextField(), default=list)
    # Whether it goes back across the point of no return.
    past_pivot = models.BooleanField(default=False)
    # What is at stake in it (sagas.stakes); null: nothing is known to be.
    stake = models.DecimalField(max_digits=38, decimal_places=8, null=True)
    currency = models.CharField(max_length=12, blank=True)
    # Why it is left alone or was dropped; `code` is for machines.
    code = models.CharField(max_length=40, blank=True)
    why = models.TextField(blank=True)
    repair = models.OneToOneField(Repair, models.PROTECT, null=True, related_name="of_batch")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "position"], name="batch_saga_in_order"),
            models.UniqueConstraint(fields=["batch", "saga"], name="batch_saga_once"),
        ]
        indexes = [
            # What comes next, and how many there are of each kind.
            models.Index(fields=["batch", "state", "position"], name="batch_saga_next"),
        ]

    def __str__(self) -> str:
        return f"{self.batch} #{self.position}"


class Review(models.Model):
    """What somebody who was asked said about exactly this plan."""

    class Verdict(models.TextChoices):
        AGREED = "agreed"
        DENIED = "denied"

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="reviews")
    plan_hash = models.CharField(max_length=64)
    verdict = models.CharField(max_length=8, choices=Verdict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=200)
    # The groups that they were in at that moment.
    groups = ArrayField(models.CharField(max_length=150), default=list)
    note = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "plan_hash", "by"], name="review_once"),
        ]

    def __str__(self) -> str:
        return f"{self.by_name} {self.verdict} {self.batch}"


class Pace(models.Model):
    """How much of Amends a participant bears, and whether it is being left alone just now."""

    participant = models.OneToOneField("sagas.Participant", models.CASCADE, related_name="pace")
    # Calls of batches a second; null: as many as it answers.
    per_second = models.FloatField(null=True, validators=[MinValueValidator(0.1)])
    # When the next of these may be made: runners take times from here on, each of them once.
    next_at = models.DateTimeField(null=True)
    # Calls of one batch that are under way at a time.
    at_once = models.PositiveIntegerField(
        default=16, validators=[MinValueValidator(1), MaxValueValidator(256)]
    )
    # Nothing is sent before that: it asked for it (Retry-After), or failed too often in a row.
    closed_until = models.DateTimeField(null=True)
    because = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.participant}"
