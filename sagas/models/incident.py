from django.db import models
from django.db.models import Q

from sagas.models.finding import SEVERITIES


class Incident(models.Model):
    """What people are told of in one thread: a problem, or a storm of several of one participant.

    Its rows say what people know and what they said; what is so, the problems say. It is over (`over_at`)
    with its last problem, and lives on when one of these comes back soon.
    """

    # The key of its threads in other systems.
    key = models.UUIDField(unique=True)
    # Whose further problems belong to it; empty: none do.
    participant = models.CharField(max_length=200, blank=True)
    problems = models.ManyToManyField("sagas.Problem", through="sagas.Membership", related_name="incidents")
    opened_at = models.DateTimeField()
    # The last of its problems to join; null of those after that are over.
    joined_at = models.DateTimeField()
    over_at = models.DateTimeField(null=True)
    # What was told, and when last; null: nothing yet.
    told_at = models.DateTimeField(null=True)
    told_count = models.IntegerField(default=0)
    told_problems = models.IntegerField(default=0)
    told_severity = models.CharField(max_length=20, choices=SEVERITIES, blank=True)
    told_stake = models.JSONField(default=dict)  # amounts as text, by currency
    times_worse = models.IntegerField(default=0)
    times_over = models.IntegerField(default=0)
    # What people said.
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=200, blank=True)
    snoozed_at = models.DateTimeField(null=True)
    snoozed_by = models.CharField(max_length=200, blank=True)
    snoozed_until = models.DateTimeField(null=True)  # null, though it was snoozed: until it has grown
    until_grown = models.BooleanField(default=False)
    assignee = models.CharField(max_length=200, blank=True)
    assigned_by = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            # The sweep, and the list of what is open.
            models.Index(fields=["-opened_at"], condition=Q(over_at__isnull=True), name="incident_open"),
            # One that was over a short while ago comes back.
            models.Index(fields=["-over_at"], name="incident_over"),
        ]

    def __str__(self) -> str:
        return f"incident {self.pk}"


class Membership(models.Model):
    """A problem that is told of with an incident."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="memberships", db_index=False)
    problem = models.ForeignKey("sagas.Problem", models.CASCADE, related_name="memberships")
    joined_at = models.DateTimeField()
    # Routes were asked about it since it joined, or came back.
    is_routed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "problem"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.problem_id} in {self.incident_id}"


class Escalation(models.Model):
    """How far an incident has gone through the steps of a route, as the route was when it opened."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="escalations", db_index=False)
    # A sagas.alerts.routing.Route.
    route = models.JSONField()
    name = models.CharField(max_length=100)
    is_default = models.BooleanField(default=False)
    # The number of the step that is next, repeats counted on; and when. Null: it is over.
    next_step = models.IntegerField(default=0)
    next_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "name"], name="escalation_once"),
        ]
        indexes = [
            # The sweep: what is due.
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="escalation_due"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.next_step}"
