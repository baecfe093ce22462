"""/metrics: who may read it, and that its numbers are those of the rows."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from console.permissions import Role
from sagas.ingest import Outcome
from sagas.models import Alert, Channel, Delivery, Due, Heartbeat, Participant, Refusal, Unlearned
from tests.console import world
from tests.console.cast import person

pytestmark = pytest.mark.django_db


def scraped(client: Client | None = None) -> dict[tuple[str, ...], float]:
    """(name, label value …) → value."""
    answer = (client or Client()).get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_numbers_are_those_of_the_rows() -> None:
    built = world.build()
    now = timezone.now()
    for saga, seconds in ((built.saga, -9), (built.well, 9)):
        Due.objects.update_or_create(saga=saga, defaults={"at": now + timedelta(seconds=seconds)})
    Heartbeat.objects.create(name="sweep", at=now - timedelta(seconds=3))
    alert = Alert.objects.create(problem=built.problem, occasion="opened", created_at=now, summary={})
    for number, state in enumerate(["pending", "failed", "failed", "sent"]):
        Delivery.objects.create(
            alert=alert,
            channel=Channel.objects.get_or_create(name="E-mail", kind="email", per_minute=60)[0],
            target=str(number),
            state=state,
            message_id=f"00000000-0000-0000-0000-00000000000{number}",
            next_attempt_at=now,
        )
    Unlearned.objects.create(saga=built.well)
    for name, count, dropped in [("shop-1", 7, 4), ("shop-2", 2, 1)]:
        by = Participant.objects.create(name=name)
        Refusal.objects.create(participant=by, reason="bad_time", count=count, dropped=dropped)
    found = scraped()
    expected = {
        ("amends_sagas_open", "running"): 2,
        ("amends_sagas_open", "suspended"): 0,
        ("amends_sagas_unwell", "in_doubt"): 1,
        ("amends_sagas_unwell", "stuck"): 0,
        ("amends_sagas_due",): 1,
        ("amends_problems_open", "in_doubt"): 1,
        ("amends_findings_open", "step_in_doubt"): 1,
        ("amends_deliveries", "pending"): 1,
        ("amends_deliveries", "failed"): 2,
        ("amends_repairs_running",): 1,
        ("amends_repair_actions_open", "ready"): 1,
        ("amends_quarantined_open",): 3,
        ("amends_events_refused_total", "bad_time"): 9,
        ("amends_events_refused_dropped_total", "bad_time"): 5,
        ("amends_foreign_events_unmapped_total",): 2,
        ("amends_foreign_events_dropped_total",): 0,
        ("amends_foreign_events_kept",): 2,
        ("amends_sagas_unlearned",): 1,
    }
    assert {key: found[key] for key in expected} == expected
    assert ("amends_sagas_open", "completed") not in found
    assert 9 <= found[("amends_sagas_due_oldest_seconds",)] < 30
    assert 3 <= found[("amends_job_age_seconds", "sweep")] < 30


def test_events_are_counted_by_what_became_of_them() -> None:
    secret = world.build().secret
    event = {"specversion": "1.0", "id": "1", "source": "//shop", "type": "saga.started"}
    event |= {"correlationid": "o-9", "sagatype": "order"}
    before = scraped()
    for body in (event, event, {**event, "id": "2", "sagatype": "laundry"}):
        Client().post(
            "/api/v1/events",
            body,
            content_type="application/cloudevents+json",
            headers={"Authorization": f"Bearer {secret}"},
        )
    after = scraped()
    for outcome in Outcome:
        key = ("amends_events_total", outcome.value)
        assert after[key] - before.get(key, 0) == 1, outcome


def test_it_costs_a_handful_of_queries(django_assert_max_num_queries: Any) -> None:
    world.build()
    with django_assert_max_num_queries(30):
        scraped()


@pytest.mark.parametrize(
    ("base_url", "token", "peer", "sent", "status"),
    [
        ("http://127.0.0.1:8000", "", "127.0.0.1", "", 200),
        ("http://localhost:8000", "", "::1", "", 200),
        # Behind a proxy on the same machine everybody looks local.
        ("https://amends.example", "", "127.0.0.1", "", 401),
        ("http://127.0.0.1:8000", "", "192.0.2.7", "", 401),
        ("https://amends.example", "scrape-me", "192.0.2.7", "scrape-me", 200),
        ("https://amends.example", "scrape-me", "192.0.2.7", "scrape-you", 401),
        ("http://127.0.0.1:8000", "scrape-me", "127.0.0.1", "scrape-you", 401),
        ("https://amends.example", "", "192.0.2.7", " ", 401),
    ],
)
def test_who_may_read_it(settings: Any, base_url: str, token: str, peer: str, sent: str, status: int) -> None:
    settings.BASE_URL, settings.METRICS_TOKEN = base_url, token
    client = Client(REMOTE_ADDR=peer, headers={"Authorization": f"Bearer {sent}"} if sent else {})
    assert client.get("/metrics").status_code == status


def test_people_may_read_it_from_anywhere(settings: Any) -> None:
    settings.BASE_URL = "https://amends.example"
    vera = person("vera", Role.VIEWER)
    scraped(vera.program)
    scraped(vera.browser)
    stranger = person("stranger")
    assert stranger.program.get("/metrics").status_code == 401
    assert stranger.browser.get("/metrics").status_code == 401


PROCESS = """
import django
django.setup()
from prometheus_client import generate_latest
from console import metrics
from sagas.ingest import Outcome
metrics.count_events(Outcome.STORED, 5)
print(generate_latest(metrics.counted()).decode())
"""


def test_several_web_processes_are_counted_together(tmp_path: Path) -> None:
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "console.settings"}
    for total in (5, 10):
        done = subprocess.run(
            [sys.executable, "-c", PROCESS],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert f'amends_events_total{{outcome="stored"}} {total}.0' in done.stdout
