"""Intent, action, attempt: what a person decided, what has to be sent for it, and each try to send it."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Repair(models.Model):
    """What a person decided to do about a saga, why, and the plan that they saw."""

    class Intent(models.TextChoices):
        ASK = "ask"
        COMPENSATE = "compensate"
        RETRY = "retry"
        RECORD = "record"

    class State(models.TextChoices):
        RUNNING = "running"  # → done, stopped, or cancelled
        DONE = "done"  # every action was confirmed
        STOPPED = "stopped"  # an action was refused or used up its attempts: a person must look
        CANCELLED = "cancelled"

    saga = models.ForeignKey("sagas.Saga", models.PROTECT, related_name="repairs")
    # Null: a repair of this one saga, which was started by itself.
    batch = models.ForeignKey("compensation.Batch", models.PROTECT, null=True, related_name="repairs")
    intent = models.CharField(max_length=12, choices=Intent)
    step = models.TextField(blank=True)  # empty: the whole saga
    reason = models.TextField()
    # The saga's revision that was looked at, the plan as canonical JSON, and its SHA-256.
    revision = models.IntegerField()
    plan = models.JSONField()
    plan_hash = models.CharField(max_length=64)
    # What was at stake when it was started (sagas.stakes); null: nothing was known to be.
    stake = models.DecimalField(max_digits=38, decimal_places=8, null=True)
    currency = models.CharField(max_length=12, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.RUNNING)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    started_by_name = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # A batch's repairs by their state: progress is counted from it.
            models.Index(fields=["batch", "state"], condition=Q(batch__isnull=False), name="repair_of_batch"),
            # What somebody began of late (compensation.begun); what a batch began is found by the batch.
            models.Index(
                fields=["started_by", "started_at"],
                condition=Q(batch__isnull=True),
                name="repair_begun_lately",
            ),
        ]
        constraints = [
            # One repair of a saga runs at a time: the second of two operators is refused by this.
            models.UniqueConstraint(fields=["saga"], condition=Q(state="running"), name="repair_one_running"),
        ]

    def __str__(self) -> str:
        return f"R-{self.pk}"


class RepairAction(models.Model):
    """One request to one participant, to be confirmed by that participant's own word."""

    class Kind(models.TextChoices):
        ASK = "ask"
        COMPENSATE = "compensate"
        RETRY_STEP = "retry_step"
        RECORD = "record"

    class State(models.TextChoices):
        WAITING = "waiting"  # for the action before it → ready
        READY = "ready"  # to be sent at next_attempt_at → sending
        SENDING = "sending"  # claimed until lease_until → ready, awaiting, done, refused, exhausted
        AWAITING = "awaiting"  # 202: the event must confirm → done, refused, exhausted, ready (to ask)
        DONE = "done"
        REFUSED = "refused"  # 4xx: for a person
        EXHAUSTED = "exhausted"  # attempts or deadline used up; the outcome may be unknown
        CANCELLED = "cancelled"

    OPEN_STATES = ("waiting", "ready", "sending", "awaiting")

    repair = models.ForeignKey(Repair, models.CASCADE, related_name="actions")
    position = models.IntegerField()  # from 1; the next starts when this one is done
    saga = models.ForeignKey("sagas.Saga", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind)
    step = models.TextField()
    execution = models.TextField(blank=True)
    participant = models.ForeignKey("sagas.Participant", models.PROTECT, null=True, related_name="+")
    # {"method": …, "url": …, "body": …}: what the preview showed and what is sent, to the letter.
    request = models.JSONField()
    # The same over retries, restarts, crashes, and over repairs of the same effect.
    idempotency_key = models.CharField(max_length=1000)
    # {"attempts": n, "first": seconds, "most": seconds, "deadline": seconds}, from the definition.
    retries = models.JSONField(default=dict)
    # {"method": …, "url": …, "body": …, "key": …}: what is asked, once, where a 202 is not confirmed in time;
    # empty: the definition does not say how to ask.
    question = models.JSONField(default=dict)
    # The number of the attempt after which it was in doubt: those that follow ask. Null: it never was.
    asked_after = models.IntegerField(null=True)
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    attempts = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    # Sending: the claim holds until then. Ready: a worker was nudged, and is not nudged again before.
    lease_until = models.DateTimeField(null=True)
    # Grows with every claim: whoever holds an older one may record nothing.
    fence = models.IntegerField(default=0)
    # For `awaiting`: until when the participant's event must have come.
    confirm_by = models.DateTimeField(null=True)
    # What ended it: the answer, the confirming event, or the refusal's text.
    result = models.JSONField(default=dict)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["repair", "position"], name="action_in_order"),
            # One open action per saga step, whoever planned it.
            models.UniqueConstraint(
                fields=["saga", "step", "execution"],
                condition=Q(state__in=["waiting", "ready", "sending", "awaiting"]),
                name="action_open_once",
            ),
        ]
        indexes = [
            # Recovery: what is due to be sent, or whose lease or confirmation has run out.
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state__in=["ready", "sending", "awaiting"]),
                name="action_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repair} #{self.position} {self.kind} {self.step}"

    @property
    def is_in_doubt(self) -> bool:
        """It was accepted and not confirmed in time, and its participant is being asked."""
        return self.asked_after is not None and self.state in self.OPEN_STATES


class ActionAttempt(models.Model):
    """One call. Written before it is made, so that a crash leaves its trace; answered after."""

    action = models.ForeignKey(RepairAction, models.CASCADE, related_name="tries")
    number = models.IntegerField()
    started_at = models.DateTimeField()
    # Null: no answer was recorded; the process may have died between call and record.
    finished_at = models.DateTimeField(null=True)
    status_code = models.IntegerField(null=True)
    answer = models.TextField(blank=True)  # at most 16 KiB of the body
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["action", "number"], name="attempt_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.action} attempt {self.number}"

    @property
    def is_question(self) -> bool:
        """Whether it asked what had become of what was sent before."""
        after = self.action.asked_after
        return after is not None and self.number > after
