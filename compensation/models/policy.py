"""Who must agree to repairs, as people loaded it."""

from django.db import models


class DefaultPolicy(models.Model):
    """Who must agree to repairs where a definition does not say, as it was loaded. The newest counts."""

    source = models.TextField()  # the YAML, to the letter
    digest = models.CharField(max_length=64)  # SHA-256 of the source
    body = models.JSONField()  # sagas.definitions.Policy, as JSON
    loaded_at = models.DateTimeField()
    loaded_by = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"default policy {self.pk}"
