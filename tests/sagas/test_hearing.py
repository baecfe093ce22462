"""When participants were last heard: written aside, together, and never in anybody's way."""

import threading
from datetime import datetime, timedelta

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone
from structlog.testing import capture_logs

from sagas import hearing, participants
from sagas.audit import Actor
from sagas.hearing import Heard
from sagas.models import Hearing, Participant

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 27, 10, tzinfo=timezone.get_default_timezone())
SECOND = timedelta(seconds=1)


@pytest.fixture
def payment() -> Participant:
    return participants.create("payment", Actor.system())


def test_the_newest_of_each_counts_and_is_kept_to_learn_from(payment: Participant) -> None:
    mail = participants.create("mail", Actor.system())
    hearing.write({Heard(payment.pk, NOW), Heard(payment.pk, NOW + SECOND), Heard(mail.pk, NOW)})
    hearing.write({Heard(payment.pk, NOW + 5 * SECOND)})
    rows = {row.participant_id: (row.heard_at, row.ticks) for row in Hearing.objects.all()}
    assert rows == {
        payment.pk: (NOW + 5 * SECOND, [NOW + SECOND, NOW + 5 * SECOND]),
        mail.pk: (NOW, [NOW]),
    }


def test_what_another_process_writes_late_does_not_turn_time_back(payment: Participant) -> None:
    hearing.write({Heard(payment.pk, NOW + SECOND)})
    hearing.write({Heard(payment.pk, NOW)})
    assert Hearing.objects.get().heard_at == NOW + SECOND


def test_whoever_is_gone_is_left_out(payment: Participant) -> None:
    hearing.write({Heard(payment.pk, NOW), Heard(payment.pk + 1, NOW)})
    assert Hearing.objects.get().participant == payment


def test_a_database_that_is_away_disturbs_nobody(
    payment: Participant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    with capture_logs() as logs:
        hearing.write({Heard(payment.pk, NOW)})
    assert [entry["event"] for entry in logs] == ["hearing: what was heard could not be written"]


def test_noting_does_not_wait_for_whoever_holds_the_row(payment: Participant) -> None:
    """Also not for the participant's own row: the note is written by a thread, when it can be."""
    hearing.write({Heard(payment.pk, NOW)})
    with psycopg.connect(**connection.get_connection_params()) as rival:
        rival.execute("SELECT * FROM sagas_hearing FOR UPDATE")
        for number in range(1000):
            hearing.note(payment.pk, NOW + number * SECOND)
        with transaction.atomic():
            assert Hearing.objects.get().heard_at == NOW
    until_written(lambda: Hearing.objects.get().heard_at == NOW + 999 * SECOND)


def until_written(is_so) -> None:
    for thread in threading.enumerate():
        if thread.name == "hearing":
            thread.join(60)
    assert is_so()
