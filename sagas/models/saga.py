from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from sagas.vocabulary import Condition, Status


class Lesson(models.IntegerChoices):
    """How far a saga has come with being learned from. Set back by who finds that it goes on."""

    NOT_YET = 0  # it has not been over
    ENDED = 1  # the newest update ended it, and put it in the queue
    GIVEN = 2  # an earlier one did


class Saga(models.Model):
    """One run of a business transaction, known by (saga type, saga id).

    `facts` is what its events say, merged (sagas.fold); the columns below it are derived from `facts`
    and kept only so that lists and the sweep can find sagas by them.
    """

    saga_type = models.CharField(max_length=200)
    saga_id = models.CharField(max_length=500)
    definition = models.ForeignKey("sagas.Definition", models.PROTECT, null=True, related_name="sagas")
    # The version that its events name where that is not loaded; "": it has no definition, and takes any;
    # null: it has the one that it asks for. The database's default is for who writes without knowing of it.
    unmet_version = models.CharField(max_length=100, null=True, db_default="")  # noqa: DJ001
    # JSON kept as text: no query looks into it, and as jsonb it would cost twice as much to store.
    facts = models.TextField(default="{}")
    # The number of distinct events: what repairs are pinned to.
    revision = models.IntegerField(default=0)
    # Arrivals of events that were already here.
    redeliveries = models.IntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    status = models.CharField(
        max_length=20, default=Status.RUNNING, choices=[(s.value, s.value) for s in Status]
    )
    open_effects = ArrayField(models.TextField(), default=list)
    unknown_effects = ArrayField(models.TextField(), default=list)
    # The step that is running or comes next, for lists. Empty when the saga has ended.
    waiting_on = models.TextField(default="", blank=True)
    display = models.JSONField(default=dict)
    started_at = models.DateTimeField(null=True)
    last_event_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # The worst open finding; written by the sweep with the findings themselves.
    condition = models.CharField(
        max_length=20, default=Condition.HEALTHY, choices=[(c.value, c.value) for c in Condition]
    )
    # Whether any finding is open, those about the data included; written likewise.
    has_findings = models.BooleanField(default=False)
    # Whether it waits in sagas.Unlearned, or did; no index has it, so that it costs the update nothing.
    lesson = models.SmallIntegerField(default=Lesson.NOT_YET, choices=Lesson)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["saga_type", "saga_id"], name="saga_once"),
        ]
        indexes = [
            # The list of a type, newest first, by keyset on id.
            models.Index(fields=["saga_type", "-id"], name="saga_of_type"),
            # Those that a definition is to be given to, by keyset on id: few, where all is described.
            models.Index(
                fields=["saga_type", "unmet_version", "id"],
                condition=Q(unmet_version__isnull=False),
                name="saga_unmet",
            ),
            # The list of what is not well, newest first.
            models.Index(fields=["condition", "-id"], condition=~Q(condition="healthy"), name="saga_unwell"),
            # The list of one status, newest first.
            models.Index(fields=["status", "-id"], name="saga_of_status"),
            # How many ended today. BRIN, as a column with one may still be updated in place (HOT).
            BrinIndex(fields=["ended_at"], autosummarize=True, name="saga_ended"),
            # Search by the beginning of an id.
            models.Index(fields=["saga_id"], opclasses=["varchar_pattern_ops"], name="saga_id_prefix"),
        ]

    def __str__(self) -> str:
        return f"{self.saga_type}/{self.saga_id}"


class Due(models.Model):
    """When somebody has to look at a saga again; where there is no row, nothing can become due.

    Not in the saga's own row, which is wide and in many indexes: all of them would be written with each
    change. Written only by whoever holds that row, so the database need not check that there is one.
    """

    saga = models.OneToOneField(
        Saga, models.CASCADE, primary_key=True, related_name="due", db_constraint=False
    )
    at = models.DateTimeField()

    class Meta:
        # The sweep: WHERE at <= now() ORDER BY at LIMIT n.
        indexes = [models.Index(fields=["at"], name="due_at")]
        verbose_name_plural = "due"

    def __str__(self) -> str:
        return f"saga {self.saga_id} at {self.at:%Y-%m-%d %H:%M:%S}"


class Event(models.Model):
    """A fact as it was sent. Known by (saga, source, event id): its one index serves dedup and timeline.

    The database does not check that saga and participant exist, which would cost a third of what storing an
    event costs: the one writer (sagas.ingest) holds the saga's row locked.
    """

    pk = models.CompositePrimaryKey("saga_id", "source", "event_id")
    saga = models.ForeignKey(Saga, models.CASCADE, related_name="events", db_index=False, db_constraint=False)
    source = models.TextField()
    event_id = models.TextField()
    participant = models.ForeignKey(
        "sagas.Participant",
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    kind = models.CharField(max_length=40)
    step = models.TextField(default="", blank=True)
    execution = models.TextField(default="", blank=True)
    attempt = models.IntegerField(null=True)
    time = models.DateTimeField()
    # False: the sender gave no time, and `time` is the time of receipt.
    time_given = models.BooleanField(default=True)
    sequence = models.TextField(default="", blank=True)
    received_at = models.DateTimeField()
    # The other context attributes, as sent.
    attributes = models.JSONField(default=dict)
    # The business payload, byte for byte (PostgreSQL `json`, not `jsonb`); null where there was none.
    data = models.TextField(null=True)  # noqa: DJ001  (null and "" are different payloads)

    class Meta:
        ordering = ["time", "source", "sequence", "event_id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.step}".strip()


class SagaKey(models.Model):
    """A business key or display value of a saga: what people search by, and what links sagas."""

    saga = models.ForeignKey(Saga, models.CASCADE, related_name="keys")
    name = models.CharField(max_length=200)
    value = models.CharField(max_length=500)
    # True: a business key, which links sagas of different types; False: only to be found by.
    links = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["saga", "name", "value"], name="saga_key_once"),
        ]
        indexes = [
            # Search by the beginning of a value; sagas that share a key.
            models.Index(fields=["value"], opclasses=["varchar_pattern_ops"], name="saga_key_value"),
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


class Nudge(models.Model):
    """A saga changed that others may look at by this key: those have to be judged anew (sagas.detection).

    Written in the transaction of the change, taken by the next sweep; the same twice does no harm. No
    uniqueness, so that whoever writes one never waits for whoever takes another.
    """

    saga = models.ForeignKey(Saga, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    name = models.TextField()
    value = models.TextField()

    def __str__(self) -> str:
        return f"{self.name}={self.value}"
