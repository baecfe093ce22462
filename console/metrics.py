"""/metrics for Prometheus: what this process counted, and what the database says in few, bounded queries."""

import os
from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_address
from secrets import compare_digest
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Min, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from compensation.models import Repair, RepairAction
from console import permissions, tokens, vitals
from console.api import problem_details
from console.permissions import Act
from console.vitals import Vital
from sagas.ingest import Outcome
from sagas.models import (
    Delivery,
    Due,
    ForeignType,
    Heartbeat,
    Problem,
    Quarantined,
    Refusal,
    Saga,
    Silence,
    Unlearned,
)
from sagas.vocabulary import ENDED, Condition, Severity, Status

# Rows are counted no further than this, so that a scrape stays cheap when things are bad.
MOST_COUNTED = 100_000
UP_TO = f" Counted up to {MOST_COUNTED}."
# What a scrape may cost the database, a query.
STATEMENT_TIMEOUT = timedelta(seconds=2)

# When each counter began is of no use to anybody here.
disable_created_metrics()  # type: ignore[no-untyped-call]
registry = CollectorRegistry()
ProcessCollector(registry=registry)
_events = Counter("amends_events", "Events taken at POST /api/v1/events.", ["outcome"], registry=registry)


def count_events(outcome: Outcome, number: int) -> None:
    """Count what became of events that were sent to this process."""
    _events.labels(outcome).inc(number)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_scrape(request):
        detail = "Send METRICS_TOKEN, or a person's API token, as Authorization: Bearer …"
        headers = {"WWW-Authenticate": 'Bearer realm="amends"'}
        return problem_details.answer(401, "not_authenticated", detail, headers=headers)
    body = generate_latest(counted()) + generate_latest(rows)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


def may_scrape(request: HttpRequest) -> bool:
    """A bearer token that fits; a signed-in person; or, where Amends is served to this machine only, all."""
    word, _, secret = request.headers.get("Authorization", "").partition(" ")
    if word.lower() == "bearer":
        given, wanted = secret.strip().encode(), settings.METRICS_TOKEN.encode()
        if wanted and compare_digest(given, wanted):
            return True
        token = tokens.find(given)
        return token is not None and permissions.may(token.user, Act.VIEW)
    if permissions.may(request.user, Act.VIEW):
        return True
    # Behind a proxy on the same machine every peer looks local: there BASE_URL names the outside address.
    is_served_here = is_loopback(urlsplit(settings.BASE_URL).hostname)
    return is_served_here and is_loopback(request.META.get("REMOTE_ADDR"))


def is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def counted() -> CollectorRegistry:
    """What was counted here; with PROMETHEUS_MULTIPROC_DIR, by all web processes of this machine together."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return registry
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


class Database(Collector):
    """The rows that matter, counted by indexes, in one transaction with a limit on each statement's time."""

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        queued = vitals.queued()
        with transaction.atomic(), connection.cursor() as cursor:
            milliseconds = STATEMENT_TIMEOUT // timedelta(milliseconds=1)
            cursor.execute(f"SET LOCAL statement_timeout = {milliseconds:d}")
            signs = vitals.judge(vitals.read() | queued)
            return [*_of_sagas(), *_of_problems(), *_of_work(), *_of_amends(signs)]


rows = CollectorRegistry()
rows.register(Database())


def _of_sagas() -> Iterable[Metric]:
    open_ = _gauge("amends_sagas_open", "Sagas that have not ended, by status." + UP_TO, "status")
    for status in sorted(set(Status) - ENDED):
        open_.add_metric([status], _up_to(Saga.objects.filter(status=status)))
    unwell = _gauge("amends_sagas_unwell", "Sagas that are not healthy, by condition." + UP_TO, "condition")
    for condition in Condition:
        if condition != Condition.HEALTHY:
            unwell.add_metric([condition], _up_to(Saga.objects.filter(condition=condition)))
    yield from (open_, unwell)
    with connection.cursor() as cursor:
        # What the planner believes; -1 before the table was first looked at.
        cursor.execute("SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = %s::regclass", ["sagas_saga"])
        (estimate,) = cursor.fetchone()
    yield _plain("amends_sagas_estimated", "All sagas, as the database estimates.", estimate)
    now = timezone.now()
    due = Due.objects.filter(at__lte=now)
    yield _plain("amends_sagas_due", "Sagas that wait for the sweep." + UP_TO, _up_to(due))
    oldest = due.aggregate(at=Min("at"))["at"]
    yield _plain(
        "amends_sagas_due_oldest_seconds",
        "For how long the saga that is due longest has waited for the sweep.",
        (now - oldest).total_seconds() if oldest else 0,
    )


def _of_problems() -> Iterable[Metric]:
    problems = Problem.objects.filter(closed_at=None).exclude(severity=Severity.NOTE)
    by_condition = _gauge("amends_problems_open", "Open problems, by condition.", "condition")
    counts = problems.values_list("condition").annotate(Count("pk")).order_by("condition")
    for condition, number in counts:
        by_condition.add_metric([condition], number)
    findings = _gauge("amends_findings_open", "Open findings, by code.", "code")
    for code, number in problems.values_list("code").annotate(Sum("open_count")).order_by("code"):
        findings.add_metric([code], number)
    silent = Silence.objects.filter(closed_at=None).count()
    return (
        by_condition,
        findings,
        _plain("amends_participants_silent", "Participants that are silent.", silent),
    )


def _of_work() -> Iterable[Metric]:
    deliveries = _gauge("amends_deliveries", "Alerts that have not arrived, by state." + UP_TO, "state")
    for state in (Delivery.State.PENDING, Delivery.State.FAILED):
        deliveries.add_metric([state.value], _up_to(Delivery.objects.filter(state=state)))
    actions = _gauge("amends_repair_actions_open", "Actions of running repairs, by state." + UP_TO, "state")
    for word in RepairAction.OPEN_STATES:
        actions.add_metric([word], _up_to(RepairAction.objects.filter(state=word)))
    running = _up_to(Repair.objects.filter(state=Repair.State.RUNNING))
    unlearned = _up_to(Unlearned.objects.all())
    quarantined = _up_to(Quarantined.objects.filter(state=Quarantined.State.OPEN))
    ages = _gauge("amends_job_age_seconds", "Seconds since a periodic job last finished.", "name")
    now = timezone.now()
    for heartbeat in Heartbeat.objects.order_by("name"):
        ages.add_metric([heartbeat.name], max(0.0, (now - heartbeat.at).total_seconds()))
    return (
        deliveries,
        actions,
        _plain("amends_repairs_running", "Repairs that run." + UP_TO, running),
        _plain(
            "amends_sagas_unlearned", "Sagas that are over and wait to be learned from." + UP_TO, unlearned
        ),
        _plain("amends_quarantined_open", "Events in quarantine." + UP_TO, quarantined),
        *_of_foreign_types(),
        *_of_refusals(),
        ages,
    )


def _of_amends(signs: Iterable[Vital]) -> Iterable[Metric]:
    """How Amends itself is: the signs of the page System."""
    well = _gauge("amends_sign_ok", "1: this sign of Amends itself is well; 0: it is not.", "sign")
    ages = _gauge("amends_sign_age_seconds", "The age that a sign of Amends itself is about.", "sign")
    for vital in signs:
        well.add_metric([vital.sign.name], float(vital.ok))
        if vital.value is not None and vital.sign.unit == "seconds":
            ages.add_metric([vital.sign.name], vital.value)
        elif vital.value is not None:
            yield _plain("amends_queue_messages", "Messages that wait for workers.", vital.value)
    yield from (well, ages)


def _of_foreign_types() -> Iterable[Metric]:
    """Of all participants together: their types may be thousands."""
    sums = ForeignType.objects.aggregate(count=Sum("count"), kept=Sum("kept"), dropped=Sum("dropped"))
    for name, what in (
        ("count", "Events of foreign types that no mapping took"),
        ("dropped", "Of these, events that made room for newer ones"),
    ):
        word = "unmapped" if name == "count" else name
        yield CounterMetricFamily(f"amends_foreign_events_{word}", f"{what}.", value=sums[name] or 0)
    yield _plain("amends_foreign_events_kept", "Of these, events in quarantine.", sums["kept"] or 0)


def _of_refusals() -> Iterable[Metric]:
    refused = CounterMetricFamily(
        "amends_events_refused", "Events that were refused, but for foreign ones.", labels=["reason"]
    )
    dropped = CounterMetricFamily(
        "amends_events_refused_dropped", "Of these, events that made room for newer ones.", labels=["reason"]
    )
    sums = Refusal.objects.values_list("reason").annotate(Sum("count"), Sum("dropped"))
    for reason, count, gone in sums.order_by("reason"):
        refused.add_metric([reason], count)
        dropped.add_metric([reason], gone)
    return refused, dropped


def _up_to(rows: QuerySet[Any]) -> int:
    return rows.order_by().values("pk")[:MOST_COUNTED].count()


def _gauge(name: str, help_: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, labels=[label])


def _plain(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=value)
