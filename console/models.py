from urllib.parse import urlencode

from django.conf import settings
from django.db import models

from console.audit_search import Search
from console.search import Asked


class ApiToken(models.Model):
    """A person's token for the API: carries that person's roles. Shown once; only its SHA-256 is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    prefix = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.user} {self.prefix}…"


class AuditExport(models.Model):
    """What somebody asked to have of the audit log as a file; written in the background, kept for a day."""

    class State(models.TextChoices):
        WAITING = "waiting"  # → running, when a worker takes it
        RUNNING = "running"  # → done, or failed; it and waiting → cancelled, by a person
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        JSONL = "jsonl", "JSON lines"

    # Who asked, as the audit log has it when the file is there.
    actor_kind = models.CharField(max_length=10)
    actor = models.CharField(max_length=200)
    actor_address = models.GenericIPAddressField(null=True)
    asked_at = models.DateTimeField()
    format = models.CharField(max_length=5, choices=Format)
    search = models.JSONField()  # of console.audit_search, as it dumps it
    # Entries past this one came later, and are no part of it.
    until = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # How many entries match, once they are counted; how many are in the file, up to which one and which byte.
    of = models.BigIntegerField(null=True)
    written = models.BigIntegerField(default=0)
    position = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    # How often it was taken since something was last written.
    fruitless = models.IntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    digest = models.CharField(max_length=64, blank=True)  # SHA-256 of the file
    failure = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"E-{self.pk}"

    @property
    def is_at_work(self) -> bool:
        return self.state in {self.State.WAITING, self.State.RUNNING}

    @property
    def share(self) -> int:
        """How much of it is written, in percent."""
        return round(100 * self.written / self.of) if self.of else 0

    @property
    def told_search(self) -> str:
        return str(Search.load(self.search))

    @property
    def file_name(self) -> str:
        return f"audit-{self}.{self.format}"


class SavedView(models.Model):
    """A filter of the list of sagas that a person keeps; shared: everybody finds it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=80)
    query = models.JSONField()  # of console.search.Asked, as `words` has it
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="saved_view_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def asked(self) -> Asked:
        return Asked.read(self.query)

    @property
    def address(self) -> str:
        """Of the list as this view has it, without what comes before the `?`."""
        return urlencode(self.asked.words)
