"""The dashboard and the rules that are shipped ask for metrics that there are, with labels that they have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from console import metrics
from sagas.ingest import Outcome
from sagas.models import Heartbeat
from tests.console import world

pytestmark = pytest.mark.django_db

FOLDER = Path(__file__).parent.parent.parent / "docs" / "monitoring"
# `name{label="value",…}`: a selector of ours, or Prometheus' own.
SELECTOR = re.compile(r"\b(amends_\w+|up)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r'(\w+)\s*(=~|=)\s*"([^"]*)"')
# Given by Prometheus when it scrapes. One of ours by such a name would come out as `exported_job`.
ADDED = {"job", "instance"}


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "prometheus-rules.yaml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> list[str]:
    board = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [*asked, *(rule["expr"] for rule in rules())]


@pytest.fixture
def samples() -> dict[str, list[dict[str, str]]]:
    """Of each metric the labels of its samples."""
    world.build()
    metrics.count_events(Outcome.QUARANTINED, 1)
    for job in ("beat", "learn", "sweep"):
        Heartbeat.objects.create(name=job, at=timezone.now())
    found: dict[str, list[dict[str, str]]] = {}
    text = Client().get("/metrics").content.decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def test_every_metric_and_label_is_there(samples: dict[str, list[dict[str, str]]]) -> None:
    asked = [found for text in expressions() for found in SELECTOR.findall(text)]
    assert len(asked) > 20
    assert not any(ADDED & labels.keys() for each in samples.values() for labels in each)
    for name, selector in asked:
        if name == "up":
            continue
        assert name in samples, name
        for label, operator, value in LABEL.findall(selector):
            if label in ADDED:
                continue
            values = {labels.get(label) for labels in samples[name]}
            assert values - {None}, f"{name} has no label {label}"
            wanted = value.split("|") if operator == "=~" else [value]
            assert set(wanted) <= values, f"{name}{{{label}}} is never {value}"


def test_the_board_shows_what_is_counted(samples: dict[str, list[dict[str, str]]]) -> None:
    """A metric that nobody looks at is in none; these are left out on purpose."""
    asked = {name for text in expressions() for name, _ in SELECTOR.findall(text)}
    ours = {name for name in samples if name.startswith("amends_")}
    left_out = {
        "amends_sagas_estimated",
        "amends_sagas_due_oldest_seconds",
        "amends_participants_silent",
        "amends_sagas_unlearned",
        "amends_foreign_events_unmapped_total",
        "amends_foreign_events_dropped_total",
    }
    assert ours - asked == left_out


def test_every_rule_says_what_it_means() -> None:
    for rule in rules():
        assert {"summary", "description"} == set(rule["annotations"]), rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert len({rule["alert"] for rule in rules()}) == len(rules())
