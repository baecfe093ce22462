from django.db import models
from django.db.models import Q


class ForeignType(models.Model):
    """A type that is none of our kinds, as one participant sends it: all are counted, the newest are kept.

    Only of events that no mapping took. Of a participant with very many types the later ones are counted
    together, under the type "".
    """

    participant = models.ForeignKey("sagas.Participant", models.CASCADE, related_name="foreign_types")
    type = models.CharField(max_length=500)
    count = models.BigIntegerField(default=0)  # ever refused, redeliveries too
    kept = models.IntegerField(default=0)  # in quarantine, and open
    dropped = models.BigIntegerField(default=0)  # older ones, which had to make room
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "type"], name="foreign_type_once"),
        ]

    def __str__(self) -> str:
        return self.type or "other types"


class Refusal(models.Model):
    """A reason for which events of one participant are refused: all are counted, the newest are kept.

    But for those of foreign types, which are counted as such.
    """

    participant = models.ForeignKey("sagas.Participant", models.CASCADE, related_name="refusals")
    reason = models.CharField(max_length=60)
    count = models.BigIntegerField(default=0)  # ever refused, redeliveries too
    dropped = models.BigIntegerField(default=0)  # older ones, which had to make room

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "reason"], name="refusal_once"),
        ]

    def __str__(self) -> str:
        return self.reason


class Quarantined(models.Model):
    """An event that could not be understood, kept as it came until its cause is mended."""

    class State(models.TextChoices):
        OPEN = "open"  # → replayed when a replay stores it; stays open when it is refused again
        REPLAYED = "replayed"

    participant = models.ForeignKey("sagas.Participant", models.CASCADE, related_name="quarantined")
    # The scope of the key it came with: a replay may do no more than the key could.
    saga_types = models.JSONField(default=list)
    received_at = models.DateTimeField()
    body = models.BinaryField()  # one event in structured JSON, or the bytes that were sent
    reason = models.CharField(max_length=60)  # a code, e.g. "missing_attribute"
    detail = models.TextField()  # what and where, for people
    # Where its type is none of our kinds, so that a mapping might take it.
    foreign_type = models.ForeignKey(
        ForeignType, models.CASCADE, null=True, related_name="quarantined", db_index=False
    )
    # Sent without an envelope: it is read by the participant's defaults for plain JSON.
    is_plain = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    replays = models.IntegerField(default=0)
    replayed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "quarantined"
        indexes = [
            models.Index(fields=["-id"], condition=Q(state="open"), name="quarantined_open"),
            # What is wrong, for the number in the top bar: orphans are nobody's mistake.
            models.Index(
                fields=["id"],
                condition=Q(state="open") & ~Q(reason="orphan_event"),
                name="quarantined_faulty",
            ),
            # The oldest of a type, to make room; all of a type, to be replayed or shown.
            models.Index(
                fields=["foreign_type", "id"], condition=Q(state="open"), name="quarantined_open_of_type"
            ),
            # The oldest of a reason, to make room.
            models.Index(
                fields=["participant", "reason", "id"],
                condition=Q(state="open", foreign_type=None),
                name="quarantined_open_of_reason",
            ),
            # What was replayed so long ago that it goes.
            models.Index(fields=["replayed_at"], condition=Q(state="replayed"), name="quarantined_replayed"),
        ]

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class Replay(models.Model):
    """Reading again all that is kept of one type: somebody's wish, worked off in chunks."""

    class State(models.TextChoices):
        RUNNING = "running"  # → done when every event up to `until` was read again
        DONE = "done"

    foreign_type = models.ForeignKey(ForeignType, models.CASCADE, related_name="replays")
    # Who wished it, as the audit log names them.
    actor_kind = models.CharField(max_length=10)
    actor = models.CharField(max_length=200)
    actor_address = models.GenericIPAddressField(null=True)
    asked_at = models.DateTimeField()
    until = models.BigIntegerField()  # the newest event then: what comes later is no part of it
    position = models.BigIntegerField(default=0)  # the last event that was read again
    total = models.IntegerField()
    taken = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)  # again
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Two at once would only wait for one another.
            models.UniqueConstraint(
                fields=["foreign_type"], condition=Q(state="running"), name="one_replay_of_a_type"
            ),
        ]
        indexes = [
            # What there is left to do, the oldest first.
            models.Index(fields=["id"], condition=Q(state="running"), name="replay_running"),
        ]

    def __str__(self) -> str:
        return f"replay of {self.foreign_type}"
