"""`manage.py setup_demo`: what the demo needs to know of Amends, and Amends of the demo."""

import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from console.permissions import Role, roles
from demo import credentials
from demo.__main__ import read_services
from demo.steps import PARTICIPANTS, STEPS, TYPE_OF_STEP
from sagas import participants
from sagas.models import AuditEntry, Definition, Participant, ParticipantKey

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_the_demo(settings: Any) -> None:
    settings.DEMO = True
    settings.ALERT_WEBHOOK_SECRET = "whsec_MTIzNDU2"


def set_up(folder: Path, base_port: int = 4000) -> str:
    out = StringIO()
    call_command("setup_demo", "--data", str(folder), "--base-port", str(base_port), stdout=out)
    return out.getvalue()


def test_outside_the_demo_it_refuses_and_makes_nothing(settings: Any, tmp_path: Path) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="AMENDS_DEMO=1"):
        set_up(tmp_path / "demo")
    assert not User.objects.exists()
    assert not Participant.objects.exists()
    assert not (tmp_path / "demo").exists()


def test_everybody_can_sign_in_with_the_password_that_it_tells(tmp_path: Path) -> None:
    assert "operator-demo" in set_up(tmp_path)
    for role in Role:
        user = User.objects.get(username=role.value)
        assert user.check_password(f"{role.value}-demo")
        assert roles(user) == {role}


def test_the_participants_are_told_what_amends_knows(tmp_path: Path) -> None:
    set_up(tmp_path)
    services = read_services(tmp_path, 4000)
    assert list(services) == list(PARTICIPANTS)
    for name, service in services.items():
        participant = Participant.objects.get(name=name)
        assert participant.base_url == service.url
        assert participants.signing_secret(participant) == service.secret
        key = participants.find_by_secret(service.key)
        assert key is not None
        assert key.participant == participant
        reports_on = {TYPE_OF_STEP[step.name].name for step in STEPS.values() if step.participant == name}
        assert set(key.saga_types) == reports_on
    assert credentials.read_alert_secret(tmp_path) == "whsec_MTIzNDU2"
    assert stat.S_IMODE((tmp_path / credentials.FILE).stat().st_mode) == 0o600
    assert set(Definition.objects.values_list("saga_type", flat=True)) == {
        "order-fulfilment",
        "wallet-payment",
    }


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    set_up(tmp_path)
    written, entries = (tmp_path / credentials.FILE).read_text(), AuditEntry.objects.count()
    set_up(tmp_path)
    assert (tmp_path / credentials.FILE).read_text() == written
    assert AuditEntry.objects.count() == entries


def test_other_ports_are_taken_over_and_the_keys_stay(tmp_path: Path) -> None:
    set_up(tmp_path)
    before = read_services(tmp_path, 4000)
    set_up(tmp_path, 5000)
    after = read_services(tmp_path, 5000)
    assert Participant.objects.get(name="order").base_url == "http://127.0.0.1:5000"
    assert [service.key for service in after.values()] == [service.key for service in before.values()]


def test_keys_that_were_lost_are_revoked_and_made_anew(tmp_path: Path) -> None:
    set_up(tmp_path)
    lost = read_services(tmp_path, 4000)
    (tmp_path / credentials.FILE).unlink()
    set_up(tmp_path)
    found = read_services(tmp_path, 4000)
    assert participants.find_by_secret(lost["order"].key) is None
    assert participants.find_by_secret(found["order"].key) is not None
    assert ParticipantKey.objects.filter(revoked_at=None).count() == len(PARTICIPANTS)
    assert found["order"].secret == lost["order"].secret


def test_without_a_folder_it_uses_the_one_of_the_stack(settings: Any, tmp_path: Path) -> None:
    settings.DATA = tmp_path
    call_command("setup_demo", "--base-port", "4000", stdout=StringIO())
    assert (tmp_path / "demo" / credentials.FILE).exists()
