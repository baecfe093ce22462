"""A message as alerts of the Alertmanager (pure).

It knows an alert by its labels, so these stay what they were when the thread began; only the severity may
change, and then the alert with the old one is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sagas.addresses import is_web_address
from sagas.alerts.channels.kind import RENEW_EVERY
from sagas.alerts.message import Message
from sagas.alerts.wording import facts, fit, harmless, headline, links, paragraphs
from sagas.vocabulary import Occasion, Severity

# Alertmanager forgets an alert at its end, and is told of it again several times before that.
HOLD = 5 * RENEW_EVERY
# Of what nobody will tell the end: a test, and what is about Amends itself.
ONCE = {Occasion.TEST: timedelta(minutes=5)}
LONGEST_ONCE = timedelta(hours=1)

LONGEST_LABEL = 200
LONGEST_TEXT = 500
MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Known:
    """What the thread's alert is known by, and since when."""

    labels: Mapping[str, str]
    starts: datetime


def known(message: Message, before: Known | None) -> Known:
    labels = dict(before.labels) if before else _labels(message)
    if message.severity and not message.is_over:
        labels["severity"] = message.severity
    return Known(labels, before.starts if before else message.at)


def alerts(message: Message, before: Known | None, now: datetime) -> list[dict[str, Any]]:
    """All that is posted at `now`, at most two."""
    it = known(message, before)
    # What ends before it begins is refused.
    ends = now if message.is_over else now + _hold(message)
    found = [_alert(it, message, max(ends, it.starts))]
    if before and before.labels != it.labels:
        found.append(_alert(before, message, max(now, before.starts)))
    return found


def _hold(message: Message) -> timedelta:
    return HOLD if message.severity else ONCE.get(message.occasion, LONGEST_ONCE)


def _labels(message: Message) -> dict[str, str]:
    # Its end has the name of its beginning.
    occasion = Occasion.NOTICE if message.is_over else message.occasion
    labels = {
        "alertname": message.code or f"amends_{occasion}",
        "amends_thread": message.thread,
        "saga_type": fit(message.saga_type, LONGEST_LABEL),
        "step": fit(message.step, LONGEST_LABEL),
        "participant": fit(message.participant, LONGEST_LABEL),
        "severity": message.severity or Severity.WARNING.value,
    }
    return {name: harmless(value) for name, value in labels.items() if value}


def _alert(it: Known, message: Message, ends: datetime) -> dict[str, Any]:
    alert: dict[str, Any] = {
        "labels": dict(it.labels),
        "annotations": _annotations(message),
        "startsAt": it.starts.isoformat(),
        "endsAt": ends.isoformat(),
    }
    return alert | {"generatorURL": message.link} if is_web_address(message.link) else alert


def _annotations(message: Message) -> dict[str, str]:
    told = [fit(harmless(text), LONGEST_TEXT) for text in paragraphs(message)]
    found = {
        "summary": headline(message),
        **{_name(label): value for label, value in facts(message) if label != "Runbook"},
        "sagas_that_have_it": ", ".join(one.id for one in message.sagas),
        "problems": ", ".join(part.title for part in message.problems[:MOST_LINES]),
    }
    found = {name: fit(harmless(value), LONGEST_TEXT) for name, value in found.items()}
    found["description"] = "\n".join(told[:MOST_LINES])
    # Where it is an address, by the name that dashboards make a link of.
    if is_web_address(message.runbook):
        found["runbook_url"] = message.runbook
    else:
        found["runbook"] = fit(harmless(message.runbook), LONGEST_TEXT)
    found |= {_name(label): address for label, address in links(message)}
    return {name: value for name, value in found.items() if value}


def _name(label: str) -> str:
    return label.casefold().replace(" ", "_")
