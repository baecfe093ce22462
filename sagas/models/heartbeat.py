from django.db import models


class Heartbeat(models.Model):
    """When a periodic job last finished; /readyz and /metrics read its age."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
