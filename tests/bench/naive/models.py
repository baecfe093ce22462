from django.db import models


class NaiveSaga(models.Model):
    saga_type = models.CharField(max_length=200)
    saga_id = models.CharField(max_length=500)
    status = models.CharField(max_length=20, default="running")
    last_event_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["saga_type", "saga_id"], name="naive_saga_once")]


class NaiveEvent(models.Model):
    saga = models.ForeignKey(NaiveSaga, models.CASCADE)
    source = models.CharField(max_length=1000)
    event_id = models.CharField(max_length=1000)
    kind = models.CharField(max_length=40)
    step = models.CharField(max_length=200, blank=True)
    attempt = models.IntegerField(null=True)
    time = models.DateTimeField()
    data = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "event_id"], name="naive_event_once")]
