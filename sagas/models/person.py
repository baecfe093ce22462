from django.conf import settings
from django.db import models
from django.db.models import Q

from sagas.models.finding import SEVERITIES
from sagas.vocabulary import Severity


class Preferences(models.Model):
    """Where and when a person wants to be told, by e-mail, of what they watch. Without a row: never."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="told_how"
    )
    # Empty: nothing is sent.
    mail = models.CharField(max_length=254, blank=True)
    zone = models.CharField(max_length=100, default="UTC")
    # Between the two nothing is sent but what is at least as severe as `loud_from`; equal or null: always.
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    loud_from = models.CharField(max_length=20, choices=SEVERITIES, default=Severity.CRITICAL.value)
    # The daily digest, by the clock of `zone`, and when the next is due; null: none.
    digest_at = models.TimeField(null=True)
    digest_next = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # The sweep: whose digest is due.
            models.Index(fields=["digest_next"], condition=Q(digest_next__isnull=False), name="digest_due"),
        ]

    def __str__(self) -> str:
        return self.mail


class Watch(models.Model):
    """A person wants to hear of one saga, one problem, or all problems of a saga type: one of the three."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="watches")
    saga = models.ForeignKey("sagas.Saga", models.CASCADE, null=True, related_name="watches")
    problem = models.ForeignKey("sagas.Problem", models.CASCADE, null=True, related_name="watches")
    saga_type = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    # Of a saga: its status and condition when they last heard, and when that was.
    told = models.CharField(max_length=50, blank=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "watches"
        constraints = [
            models.CheckConstraint(
                condition=Q(saga__isnull=False, problem=None, saga_type="")
                | Q(saga=None, problem__isnull=False, saga_type="")
                | (Q(saga=None, problem=None) & ~Q(saga_type="")),
                name="watch_one_thing",
            ),
            models.UniqueConstraint(fields=["user", "saga"], name="watch_saga_once"),
            models.UniqueConstraint(fields=["user", "problem"], name="watch_problem_once"),
            models.UniqueConstraint(
                fields=["user", "saga_type"], condition=~Q(saga_type=""), name="watch_type_once"
            ),
        ]

    def __str__(self) -> str:
        return self.saga_type or str(self.saga or self.problem)
