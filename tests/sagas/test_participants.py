"""Participants: their keys, their signing secrets, and what the audit log says of them."""

import base64
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.utils import timezone

from sagas import audit, participants, secrets
from sagas.models import AuditEntry, Participant, ParticipantKey
from sagas.participants import ParticipantError

pytestmark = pytest.mark.django_db

ME = audit.Actor("person", "anna", "192.0.2.1")


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("sequence").values_list("action", flat=True))


def test_a_key_is_found_by_its_secret_and_kept_only_as_its_hash() -> None:
    payment = participants.create(
        "payment", ME, base_url="https://payment.example/", owner="pay@shop.example"
    )
    secret = participants.issue_key(payment, ["order", "order", "wallet"], ME)
    assert secret.startswith("amp_")
    key = participants.find_by_secret(secret)
    assert key is not None
    assert (key.participant, key.saga_types, key.created_by) == (payment, ["order", "wallet"], "anna")
    assert key.prefix == secret[:10]
    assert secret.encode() not in bytes(key.digest)
    assert payment.base_url == "https://payment.example"
    assert actions() == ["participant.created", "participant.key_issued"]
    assert secret not in str(AuditEntry.objects.values_list())


def test_a_revoked_key_is_found_no_more() -> None:
    payment = participants.create("payment", ME)
    secret = participants.issue_key(payment, [], ME)
    key = ParticipantKey.objects.get()
    assert participants.revoke(key, ME) is True
    assert participants.revoke(key, ME) is False
    assert participants.find_by_secret(secret) is None
    assert actions() == ["participant.created", "participant.key_issued", "participant.key_revoked"]


@pytest.mark.parametrize("secret", ["", "amp_", "amp_unknown", "amd_token", "amp_\ud800", "amp_\x00"])
def test_other_secrets_find_nothing(secret: str) -> None:
    assert participants.find_by_secret(secret) is None


def test_use_is_noted_at_most_once_a_minute(django_assert_num_queries: Any) -> None:
    participants.issue_key(participants.create("payment", ME), [], ME)
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        start = timezone.now()
        participants.note_use(ParticipantKey.objects.get())
        clock.shift(59)
        key = ParticipantKey.objects.get()
        with django_assert_num_queries(0):
            participants.note_use(key)
        assert ParticipantKey.objects.get().last_used_at == start
        clock.shift(1)
        participants.note_use(key)
    assert ParticipantKey.objects.get().last_used_at == start + timedelta(minutes=1)


def test_signing_secrets_are_encrypted_and_survive_a_new_key(settings: Any) -> None:
    payment = participants.create("payment", ME)
    assert participants.signing_secret(payment) is None
    secret = participants.issue_signing_secret(payment, ME)
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    payment = Participant.objects.get()
    assert secret not in payment.signing_secret
    assert participants.signing_secret(payment) == secret
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *old]
    assert participants.signing_secret(payment) == secret
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(secrets.SecretUnreadableError, match="not in ENCRYPTION_KEYS"):
        participants.signing_secret(payment)
    settings.ENCRYPTION_KEYS = old
    assert participants.issue_signing_secret(payment, ME) != secret
    assert actions()[1:] == ["participant.signing_secret_set", "participant.signing_secret_changed"]


def test_a_change_is_recorded_with_what_was_before() -> None:
    payment = participants.create("payment", ME, base_url="http://127.0.0.1:9001")
    participants.change(payment, ME, base_url="http://127.0.0.1:9001/", owner="")
    assert actions() == ["participant.created"]
    participants.change(payment, ME, base_url="", owner="pay@shop.example")
    entry = AuditEntry.objects.get(action="participant.changed")
    silence = {"speaks_every": None, "may_be_silent": False}
    assert entry.before == {"base_url": "http://127.0.0.1:9001", "owner": "", **silence}
    assert entry.after == {"base_url": "", "owner": "pay@shop.example", **silence}


def test_what_is_declared_of_its_silence_is_kept_and_recorded() -> None:
    payment = participants.create("payment", ME, owner="pay@shop.example")
    participants.change(payment, ME, speaks_every=300)
    assert (payment.owner, Participant.objects.get().speaks_every) == ("pay@shop.example", 300)
    with pytest.raises(ParticipantError, match="not both"):
        participants.change(payment, ME, may_be_silent=True)
    participants.change(payment, ME, speaks_every=None, may_be_silent=True)
    with pytest.raises(ParticipantError, match="from 10 s to"):
        participants.change(payment, ME, may_be_silent=False, speaks_every=9)
    assert Participant.objects.get().may_be_silent
    after = AuditEntry.objects.filter(action="participant.changed").order_by("sequence")
    assert [(entry.after["speaks_every"], entry.after["may_be_silent"]) for entry in after] == [
        (300, False),
        (None, True),
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("30s", 30), ("5m", 300), ("90s", 90), ("2h", 7200), ("1d", 86400), ("500ms", 1)],
)
def test_an_interval_is_read_and_written_as_in_definitions(text: str, seconds: int) -> None:
    assert participants.read_interval(text) == seconds
    assert participants.write_interval(seconds) in {text, "1s"}


@pytest.mark.parametrize("text", ["", "5", "0s", "-1m", "soon", "9" * 5000 + "s"])
def test_an_interval_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ParticipantError, match="must be a duration"):
        participants.read_interval(text)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"name": ""}, "must not be empty"),
        ({"name": "x" * 201}, "at most 200"),
        ({"name": "a\nb"}, "control characters"),
        ({"name": "payment"}, "is a participant payment already"),
        ({"name": "x", "base_url": "ftp://x"}, "must be an address"),
        ({"name": "x", "base_url": "https://"}, "must be an address"),
        ({"name": "x", "base_url": "https://a:99999"}, "must be an address"),
        ({"name": "x", "base_url": "https://a b"}, "must be an address"),
        ({"name": "x", "base_url": "https://[a"}, "must be an address"),
        ({"name": "x", "base_url": "https://user:pass@a"}, "no user, query or fragment"),
        ({"name": "x", "base_url": "https://a?b=c"}, "no user, query or fragment"),
        ({"name": "x", "owner": "a\x00"}, "control characters"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_leaves_nothing(given: dict[str, str], complaint: str) -> None:
    participants.create("payment", ME)
    with pytest.raises(ParticipantError, match=complaint):
        participants.create(by=ME, **given)
    assert Participant.objects.count() == AuditEntry.objects.count() == 1


class TestCommand:
    def run(self, *arguments: str) -> list[str]:
        out = StringIO()
        call_command("create_participant", *arguments, stdout=out)
        return out.getvalue().splitlines()

    def test_the_key_stands_alone_on_the_last_line(self) -> None:
        lines = self.run(
            "payment", "--base-url", "http://127.0.0.1:9001", "--saga-type", "a", "--saga-type", "b"
        )
        key = participants.find_by_secret(lines[-1])
        assert key is not None
        assert key.saga_types == ["a", "b"]
        assert key.participant.base_url == "http://127.0.0.1:9001"
        signing_secret = participants.signing_secret(key.participant)
        assert signing_secret
        assert lines[1].endswith(signing_secret)

    def test_a_known_participant_gets_one_more_key_and_keeps_its_settings(self) -> None:
        first = self.run("payment", "--base-url", "http://127.0.0.1:9001")[-1]
        second = self.run("payment", "--owner", "me")[-1]
        payment = Participant.objects.get()
        assert (payment.base_url, payment.owner) == ("http://127.0.0.1:9001", "me")
        assert participants.find_by_secret(first)
        assert participants.find_by_secret(second)

    def test_a_bad_value_is_one_clear_line_and_leaves_nothing(self) -> None:
        with pytest.raises(CommandError, match="The base URL must be an address"):
            self.run("payment", "--base-url", "payment")
        assert not Participant.objects.exists()
