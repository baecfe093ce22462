"""A chain that was rewritten as a whole, all hashes fitting, is found by its anchors."""

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from sagas import audit
from sagas.audit import Actor, Entry, anchors, proof
from sagas.models import AuditAnchor, AuditEntry, AuditHead
from tests.sagas.alerts.receivers import SECRET, Receiver, receiver
from verifier import chain

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def append(count: int) -> None:
    with transaction.atomic():
        audit.record_all(
            Entry(Actor.system(), "step.skipped", ("step", str(n)), reason="why") for n in range(count)
        )


def behind_its_back(statement: str, *parameters: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, parameters)


def forge(sequence: int, reason: str) -> None:
    """Change one entry, and all hashes from there to the head so that they fit."""
    previous = AuditEntry.objects.get(sequence=sequence).previous_hash
    for entry in AuditEntry.objects.filter(sequence__gte=sequence).order_by("sequence"):
        entry.reason = reason if entry.sequence == sequence else entry.reason
        made = audit.content_hash(entry)
        hash = chain.link(previous, made)
        behind_its_back(
            "UPDATE sagas_auditentry SET reason = %s, content_hash = %s, previous_hash = %s, hash = %s"
            " WHERE sequence = %s",
            entry.reason, made, previous, hash, entry.sequence,
        )  # fmt: skip
        previous = hash
    behind_its_back("UPDATE sagas_audithead SET hash = %s", previous)


def test_a_chain_that_was_rewritten_as_a_whole_is_found() -> None:
    append(5)
    anchors.write(NOW)
    append(3)
    kept = str(AuditAnchor.objects.get())
    whole = audit.verify(known=[(5, AuditAnchor.objects.get().hash)])
    assert whole == audit.Verified(8, AuditHead.objects.get().hash)

    forge(3, "another")
    found = audit.verify()
    assert isinstance(found, audit.Broken)
    assert (found.sequence, "when it was anchored" in found.what) == (5, True)

    # Whoever may do that may rewrite the anchors, too. All that is in the database then fits.
    behind_its_back(
        "UPDATE sagas_auditanchor a SET hash = e.hash FROM sagas_auditentry e WHERE e.sequence = a.sequence"
    )
    assert isinstance(audit.verify(), audit.Verified)
    with pytest.raises(CommandError, match=r"broken at entry 5: .* when it was anchored \(kept elsewhere\)"):
        call_command("verify_audit", f"--anchor={kept}")


def test_what_was_anchored_may_not_go_missing_at_the_end() -> None:
    append(5)
    anchors.write(NOW)
    anchor = str(AuditAnchor.objects.get())
    behind_its_back("DELETE FROM sagas_auditentry WHERE sequence > 3")
    behind_its_back(
        "UPDATE sagas_audithead SET (sequence, hash) ="
        " (SELECT sequence, hash FROM sagas_auditentry WHERE sequence = 3)"
    )
    found = audit.verify()
    assert isinstance(found, audit.Broken)
    assert (found.sequence, "the log ends at 3" in found.what) == (5, True)
    behind_its_back("DELETE FROM sagas_auditanchor")
    assert isinstance(audit.verify(), audit.Verified)
    with pytest.raises(CommandError, match=r"broken at entry 5: it was anchored \(kept elsewhere\)"):
        call_command("verify_audit", f"--anchor={anchor}")


def test_a_log_that_fits_what_was_kept_is_whole() -> None:
    append(4)
    hashes = dict(AuditEntry.objects.values_list("sequence", "hash"))
    out = StringIO()
    call_command("verify_audit", f"--anchor=2:{hashes[2].upper()}", f"--anchor=4:{hashes[4]}", stdout=out)
    assert out.getvalue() == f"Audit log whole: 4 entries, head {hashes[4]}.\n"


@pytest.mark.parametrize("text", ["", "5", "5:abc", f"x:{'a' * 64}", f"5:{'g' * 64}", f"-5:{'a' * 64}"])
def test_what_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="is no anchor: it is written as"):
        call_command("verify_audit", f"--anchor={text}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sagas_auditanchor SET hash = repeat('a', 64)",
        "UPDATE sagas_auditanchor SET told_at = now(), at = now()",
        "DELETE FROM sagas_auditanchor",
        "TRUNCATE sagas_auditanchor",
    ],
)
def test_the_database_refuses_to_change_an_anchor(statement: str) -> None:
    append(1)
    anchors.write(NOW)
    with pytest.raises(DatabaseError, match="audit log"), connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_anchor_is_due_after_an_hour_or_many_entries(settings: Any) -> None:
    settings.AUDIT_ANCHOR_EVERY, settings.AUDIT_ANCHOR_ENTRIES = 3600, 10
    assert not anchors.write(NOW)  # there is nothing to anchor
    append(1)
    assert anchors.write(NOW)
    assert not anchors.write(NOW + 2 * HOUR)  # nothing new
    append(9)
    assert not anchors.write(NOW + HOUR - MINUTE)
    assert anchors.write(NOW + HOUR)
    append(9)
    assert not anchors.write(NOW + HOUR + MINUTE)
    append(1)
    assert anchors.write(NOW + HOUR + MINUTE)
    written = AuditAnchor.objects.order_by("sequence")
    assert [anchor.sequence for anchor in written] == [1, 10, 20]
    assert {anchor.hash for anchor in written} == set(
        AuditEntry.objects.filter(sequence__in=[1, 10, 20]).values_list("hash", flat=True)
    )


def test_an_anchor_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    append(2)
    anchors.write(NOW)
    (message,) = [message for message in caplog.messages if "audit: anchored" in message]
    assert AuditHead.objects.get().hash in message


def test_what_is_taken_along_is_anchored_at_once_and_logged_when_it_is_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    append(3)
    with caplog.at_level("INFO", logger="sagas.audit.anchors"):
        with transaction.atomic():
            entry = audit.record(Actor.system(), "case_file.made", ("saga", "order/o-1"))
            anchors.keep(entry)
            assert entry.hash not in caplog.text
        assert entry.hash in caplog.text
    assert [str(anchor) for anchor in AuditAnchor.objects.all()] == [f"{entry.sequence}:{entry.hash}"]
    assert proof.of([2, entry.sequence])["end"] == {"sequence": entry.sequence, "hash": entry.hash}


def test_a_proof_ends_at_the_next_anchor() -> None:
    for _ in range(3):
        append(4)
        anchors.write(NOW + HOUR * AuditEntry.objects.count())
    append(1)
    assert proof.of([2, 3])["end"]["sequence"] == 4
    assert proof.of([2, 5])["end"]["sequence"] == 8
    assert proof.of([8])["end"] == {"sequence": 8, "hash": AuditAnchor.objects.get(pk=8).hash}
    assert proof.of([13])["end"]["sequence"] == 13


@pytest.fixture
def hooks(settings: Any) -> Iterator[Receiver]:
    with receiver() as hooks:
        settings.ALERT_WEBHOOK_SECRET = SECRET
        settings.AUDIT_ANCHOR_WEBHOOK_URLS = [hooks.url]
        yield hooks


def test_the_newest_anchor_is_sent_once_signed(hooks: Receiver) -> None:
    append(1)
    anchors.write(NOW - HOUR)
    append(1)
    anchors.write(NOW)
    assert anchors.tell(NOW)
    assert not anchors.tell(NOW + HOUR)
    (hook,) = hooks.hooks
    assert hook.body == {
        "type": "audit.anchored",
        "timestamp": NOW.isoformat(),
        "data": {"sequence": 2, "hash": AuditHead.objects.get().hash},
    }


def test_a_receiver_that_did_not_take_it_gets_it_again_under_the_same_id(hooks: Receiver) -> None:
    append(1)
    anchors.write(NOW)
    hooks.answers = [503]
    assert not anchors.tell(NOW)
    assert not anchors.tell(NOW + MINUTE / 2)
    assert anchors.tell(NOW + MINUTE)
    assert len(hooks.hooks) == 2
    assert hooks.hooks[0].id == hooks.hooks[1].id


def test_nothing_is_sent_where_nobody_wants_it(hooks: Receiver, settings: Any) -> None:
    settings.AUDIT_ANCHOR_WEBHOOK_URLS = []
    append(1)
    anchors.work()
    assert AuditAnchor.objects.get().told_at is None
    assert hooks.hooks == []
