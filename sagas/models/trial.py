from django.db import models
from django.db.models import Q


class Trial(models.Model):
    """A definition tried on recorded sagas before it is loaded. It changes no saga and no finding.

    The text is what will be loaded, to the letter, if somebody activates it; it never changes. `results` is
    a sagas.trials.Results, as JSON, of the sagas looked at so far.
    """

    class State(models.TextChoices):
        WAITING = "waiting"  # → running, when a worker takes it
        RUNNING = "running"  # → done; → failed, when workers keep dying of it; both → cancelled, by a person
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    text = models.TextField()
    digest = models.CharField(max_length=64)  # SHA-256 of the text
    saga_type = models.CharField(max_length=200)
    version = models.CharField(max_length=100)
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # Sagas are judged as of this moment, however long it takes.
    began_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # How many sagas there are to look at, and how many have been; those whose id is below `cursor` are left.
    of = models.IntegerField()
    looked_at = models.IntegerField(default=0)
    cursor = models.BigIntegerField()
    results = models.JSONField(default=dict)
    # Whoever works on it holds the lease; what it has found counts only while the fence is still its own.
    lease_until = models.DateTimeField(null=True)
    fence = models.IntegerField(default=0)
    # How often it was taken since something was last recorded.
    fruitless = models.IntegerField(default=0)
    # What it became, when somebody activated it.
    definition = models.ForeignKey("sagas.Definition", models.PROTECT, null=True, related_name="trials")

    class Meta:
        constraints = [
            # Asking twice for the same is asking once.
            models.UniqueConstraint(
                fields=["digest"],
                condition=Q(state__in=["waiting", "running"]),
                name="trial_at_work_once",
            ),
        ]

    def __str__(self) -> str:
        return f"T-{self.pk}"

    @property
    def is_at_work(self) -> bool:
        return self.state in {self.State.WAITING, self.State.RUNNING}
