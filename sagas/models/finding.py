from django.db import models
from django.db.models import Q

from sagas.vocabulary import Code, Condition, Severity

CODES = [(code.value, code.value) for code in Code]
CONDITIONS = [(condition.value, condition.value) for condition in Condition]
SEVERITIES = [(severity.value, severity.value) for severity in Severity]


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
    # Open findings now, and all that ever belonged to it.
    open_count = models.IntegerField(default=0)
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
            # One that closed a short while ago opens again (sagas.detection.problems).
            models.Index(fields=["saga_type", "step", "code", "-closed_at"], name="problem_came_back"),
        ]

    def __str__(self) -> str:
        return self.title


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
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

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
            # A problem's open sagas, oldest first.
            models.Index(
                fields=["problem", "since"],
                condition=Q(closed_at__isnull=True),
                name="finding_of_problem",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.step}".strip()
