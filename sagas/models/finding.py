from django.db import models
from django.db.models import Q

from sagas.stakes import FRACTION, WHOLE, words
from sagas.vocabulary import Code, Condition, Severity

CODES = [(code.value, code.value) for code in Code]
CONDITIONS = [(condition.value, condition.value) for condition in Condition]
SEVERITIES = [(severity.value, severity.value) for severity in Severity]

# Findings that are so now, and of these the ones that nobody has accepted: they count for saga and problem.
OPEN = Q(closed_at__isnull=True)
WAITING = Q(closed_at__isnull=True, accepted_at__isnull=True)
ACCEPTED = Q(closed_at__isnull=True, accepted_at__isnull=False)


class Problem(models.Model):
    """Findings that share saga type, step and code: what a person deals with."""

    saga_type = models.CharField(max_length=200)
    step = models.TextField(blank=True)
    code = models.CharField(max_length=40, choices=CODES)
    condition = models.CharField(max_length=20, choices=CONDITIONS)
    # The highest that any of its findings had when it opened.
    severity = models.CharField(max_length=20, choices=SEVERITIES)
    # "ship parcel never answered", and in one sentence what that means here (sagas.story), as it was opened.
    title = models.TextField(blank=True)
    explanation = models.TextField(blank=True)
    participant = models.CharField(max_length=200, blank=True)
    owner = models.TextField(blank=True)  # as its definition names it
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    # Open findings now that nobody has accepted, those that somebody has, and all that ever belonged to it.
    # It is over with the last of the first (sagas.detection.tally).
    open_count = models.IntegerField(default=0)
    accepted_count = models.IntegerField(default=0)
    total_count = models.IntegerField(default=0)
    # open_count when people were last told that it is there; 0: never told, or told that it is over.
    told_count = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["saga_type", "step", "code"],
                condition=Q(closed_at__isnull=True),
                name="problem_open_once",
            ),
        ]
        indexes = [
            models.Index(fields=["-opened_at"], name="problem_newest"),
            # Alerts: what is open, or was told and has closed since (sagas.alerts.intents).
            models.Index(
                fields=["id"],
                condition=Q(closed_at__isnull=True) | Q(told_count__gt=0),
                name="problem_to_tell",
            ),
            # Attention: what was accepted.
            models.Index(fields=["-id"], condition=Q(accepted_count__gt=0), name="problem_accepted"),
            # One that closed a short while ago opens again (sagas.detection.problems).
            models.Index(fields=["saga_type", "step", "code", "-closed_at"], name="problem_came_back"),
        ]

    def __str__(self) -> str:
        return self.title


class ProblemStake(models.Model):
    """What a problem's open findings that nobody has accepted put at stake, summed in one currency.

    Kept with each finding that opens, changes, closes or is accepted, so that nobody adds up 100,000 findings
    to draw a page.
    """

    problem = models.ForeignKey(Problem, models.CASCADE, related_name="stakes")
    currency = models.CharField(max_length=12, blank=True)
    amount = models.DecimalField(max_digits=38, decimal_places=FRACTION, default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["problem", "currency"], name="problem_stake_once"),
        ]

    def __str__(self) -> str:
        return words(self.amount, self.currency)


class Finding(models.Model):
    """A stated fact that something is wrong with one saga. Opening and closing are one row's two times."""

    saga = models.ForeignKey("sagas.Saga", models.CASCADE, related_name="findings")
    problem = models.ForeignKey(Problem, models.PROTECT, related_name="findings")
    code = models.CharField(max_length=40, choices=CODES)
    step = models.TextField(blank=True)
    condition = models.CharField(max_length=20, choices=CONDITIONS)
    severity = models.CharField(max_length=20, choices=SEVERITIES)
    # Since when it has been so: the deadline that passed, or the time of the event that says it.
    since = models.DateTimeField()
    # The events that prove it: [{"source": …, "id": …}].
    evidence = models.JSONField(default=list)
    # What the sentence needs: deadline in seconds, last error, attempts …
    detail = models.JSONField(default=dict)
    # What its saga put at stake when it opened or last changed; null: nobody knows.
    stake = models.DecimalField(max_digits=WHOLE + FRACTION, decimal_places=FRACTION, null=True)
    currency = models.CharField(max_length=12, blank=True, default="")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    # Somebody knows, and leaves it so; until it stands on something else (sagas.detection.grounds).
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.CharField(max_length=200, blank=True, default="")
    accepted_reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["saga", "code", "step"],
                condition=Q(closed_at__isnull=True),
                name="finding_open_once",
            ),
        ]
        indexes = [
            # What a problem's last hour was like.
            models.Index(fields=["problem", "-opened_at"], name="finding_opened"),
            # A problem's sagas that wait for somebody, oldest first.
            models.Index(fields=["problem", "since"], condition=WAITING, name="finding_waiting"),
            # Attention: what is at stake in all, a saga once; never needs the rows themselves.
            models.Index(
                fields=["saga"],
                include=["condition", "stake", "currency"],
                condition=WAITING & Q(stake__isnull=False),
                name="finding_at_stake",
            ),
            # A problem's accepted sagas, newest first.
            models.Index(fields=["problem", "-accepted_at"], condition=ACCEPTED, name="finding_accepted"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.step}".strip()

    @property
    def is_accepted(self) -> bool:
        return self.closed_at is None and self.accepted_at is not None

    @property
    def is_waiting(self) -> bool:
        return self.closed_at is None and self.accepted_at is None

    @property
    def at_stake(self) -> str:
        """In words; empty where nobody knows."""
        return "" if self.stake is None else words(self.stake, self.currency)


class Transition(models.Model):
    """One turn in the life of a finding; committed with the turn itself and never changed."""

    class What(models.TextChoices):
        OPENED = "opened"
        CHANGED = "changed"  # what it stands on; of changes within a minute the first is kept
        ACCEPTED = "accepted"
        REOPENED = "reopened"  # as it stands on something else, or by a person who withdraws the acceptance
        CLOSED = "closed"

    finding = models.ForeignKey(Finding, models.CASCADE, related_name="transitions", db_index=False)
    at = models.DateTimeField()
    what = models.CharField(max_length=10, choices=What)
    by = models.CharField(max_length=200, blank=True)  # empty: Amends itself, by the facts
    reason = models.TextField(blank=True)
    # As it was at that moment, like Finding.evidence.
    evidence = models.JSONField(default=list)

    class Meta:
        indexes = [
            # The history of a finding, oldest first.
            models.Index(fields=["finding", "id"], name="transition_of_finding"),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.finding}"
