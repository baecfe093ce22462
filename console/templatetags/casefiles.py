"""Filters of a case file's page, which stands for itself: times in UTC, texts whole or openly cut."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django import template
from django.utils.dateparse import parse_datetime

from compensation.models import ActionAttempt
from console import anchors, wording
from sagas.models import Event, Finding, Transition

register = template.Library()

# Letters of JSON that stand in one line.
SHORT = 160


@register.filter
def utc(at: datetime | str | None) -> str:
    """`2026-01-02 03:04:05.678 UTC`, whole days away from whoever reads it."""
    moment = parse_datetime(at) if isinstance(at, str) else at
    if moment is None:
        return "–"
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03} UTC"


@register.filter
def took(attempt: ActionAttempt) -> str:
    """How long the answer took."""
    if attempt.finished_at is None:
        return ""
    return wording.exactly(round((attempt.finished_at - attempt.started_at).total_seconds(), 3))


@register.filter
def laid_out(text: str | None) -> str:
    """JSON text with the digits it was sent with: in one line where it is short, else a value a line.

    What is no JSON stands as it came.
    """
    try:
        line = msgspec.json.format(text, indent=0) if text else ""
        return line if len(line) <= SHORT else msgspec.json.format(line, indent=2)
    except msgspec.MsgspecError:
        return text or ""


@register.filter
def as_laid_out(value: Any) -> str:
    return laid_out(json.dumps(value, ensure_ascii=False))


@register.filter
def cut(text: str, longest: int) -> str:
    """Says how much is left out here."""
    more = len(text) - longest
    return text if more <= 0 else f"{text[:longest]}… ({more:,} more characters in the JSON beside this page)"


@register.filter
def evidence_anchor(event: dict[str, str]) -> str:
    """The id of the row of an event that proves something."""
    return anchors.of_event(event["source"], event["id"])


@register.filter
def event_anchor(event: Event) -> str:
    return anchors.of_event(event.source, event.event_id)


@register.filter
def of_finding(turns: Mapping[int, Sequence[Transition]], finding: Finding) -> Sequence[Transition]:
    return turns[finding.pk]
