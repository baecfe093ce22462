from django.contrib.postgres.fields import ArrayField
from django.db import models


class Definition(models.Model):
    """One version of a saga type's description, as it was loaded. Never changed afterwards."""

    saga_type = models.CharField(max_length=200)
    version = models.CharField(max_length=100)
    source = models.TextField()  # the YAML, to the letter
    digest = models.CharField(max_length=64)  # SHA-256 of the source
    body = models.JSONField()  # sagas.definitions.Definition, as JSON
    # Names of its business keys, and of those by which its rules and conflicts look at other sagas: so that
    # ingest learns who looks at whom with the versions that it reads anyway (sagas.links).
    keys = ArrayField(models.TextField(), default=list)
    links = ArrayField(models.TextField(), default=list)
    loaded_at = models.DateTimeField(auto_now_add=True)
    loaded_by = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["saga_type", "version"], name="definition_once"),
        ]

    def __str__(self) -> str:
        return f"{self.saga_type} v{self.version}"
