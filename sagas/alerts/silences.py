"""Silences: what nobody is to be told of for a while. Asked for, ended and previewed here; audited."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from django.db import transaction

from sagas import audit, changes
from sagas.alerts import knowing, matching
from sagas.alerts.knowing import Known
from sagas.alerts.matching import Match, Subject
from sagas.expressions import EvaluationError
from sagas.models import Alert, AlertSilence
from sagas.vocabulary import Code, Occasion

LONGEST = timedelta(days=90)
LONGEST_REASON = 2000

# Alerts of this time are looked at for a preview.
PREVIEW = timedelta(days=7)
MOST_PREVIEWED = 200


class SilenceError(ValueError):
    """A silence that cannot be asked for; its text tells the reader what to do."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """A silence in force, ready to be asked."""

    row: AlertSilence
    match: Match

    def hides(self, subject: Subject, now: datetime) -> bool:
        """What cannot be decided is not hidden; nor that nobody is heard at all, unless that is named."""
        if subject.is_of_amends and Code.SOURCE_SILENT not in self.match.codes:
            return False
        try:
            return not self.match.why_not(subject, now)
        except EvaluationError:
            return False


@dataclass(frozen=True, slots=True)
class Preview:
    """What it would hide: problems that are open, and of the newest alerts those that nobody had heard."""

    problems: list[Known]
    alerts: list[Alert]


def in_force(now: datetime) -> list[Silenced]:
    rows = AlertSilence.objects.filter(ended_at=None, expires_at__gt=now).order_by("pk")
    return [Silenced(row, matching.read(row.match)) for row in rows]


def hiding(subject: Subject, silences: list[Silenced], now: datetime) -> AlertSilence | None:
    """The first silence that hides it."""
    return next((one.row for one in silences if one.hides(subject, now)), None)


def preview(match: Match, now: datetime) -> Preview:
    """Raises `SilenceError`."""
    _check(match)
    silence = Silenced(AlertSilence(), match)
    open_ = [one for one in knowing.problems().values() if one.closed_at is None]
    alerts = Alert.objects.filter(created_at__gt=now - PREVIEW, occasion=Occasion.OPENED).order_by("-pk")
    return Preview(
        [one for one in open_ if silence.hides(one.subject, now)],
        [
            one
            for one in alerts[:MOST_PREVIEWED]
            if one.problem_id and silence.hides(_subject(one), one.created_at)
        ],
    )


def _subject(alert: Alert) -> Subject:
    said = alert.summary
    names = ("saga_type", "step", "code", "condition", "severity", "participant", "owner", "count")
    return Subject(**{name: said[name] for name in names if name in said})


def ask(match: Match, reason: str, expires_at: datetime, by: audit.Actor, now: datetime) -> AlertSilence:
    """Hide from now on until it expires. Raises `SilenceError`."""
    _check(match)
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise SilenceError("Say why nobody is to be told: whoever wonders will read it.")
    if not now < expires_at <= now + LONGEST:
        raise SilenceError(f"Let it end between now and {LONGEST.days} days from now.")
    with transaction.atomic():
        row = AlertSilence.objects.create(
            match=msgspec.to_builtins(match),
            reason=reason,
            created_at=now,
            created_by=by.name,
            expires_at=expires_at,
        )
        audit.record(
            by,
            "silence.created",
            ("silence", str(row.pk)),
            reason=reason,
            after={"match": row.match, "expires_at": expires_at},
        )
        changes.tell("problems", "alerts")
    return row


def end(row: AlertSilence, by: audit.Actor, now: datetime) -> bool:
    """End it before its time; whether it was in force."""
    with transaction.atomic():
        rows = AlertSilence.objects.filter(pk=row.pk, ended_at=None, expires_at__gt=now)
        if not rows.update(ended_at=now, ended_by=by.name):
            return False
        audit.record(by, "silence.ended", ("silence", str(row.pk)), before={"expires_at": row.expires_at})
        changes.tell("problems", "alerts")
    return True


def _check(match: Match) -> None:
    complaints = list(match.complaints())
    if complaints:
        raise SilenceError(" ".join(complaints))
    if match == Match():
        raise SilenceError(
            "Give at least one condition: a silence of everything would hide all that is wrong."
        )
