"""The audit log only grows, and whatever is done to it behind its back is found."""

import threading
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import example, given
from hypothesis import strategies as st

from console.management.commands import verify_audit
from sagas import audit
from sagas.audit import Actor, Entry, verifying
from sagas.models import AuditEntry, AuditHead, Saga
from verifier import chain

ANNA = Actor("person", "anna", "192.0.2.7")


def append(count: int) -> None:
    for number in range(count):
        with transaction.atomic():
            audit.record(ANNA, "repair.started", ("repair", f"R-{number}"), reason=f"because {number}")


def behind_its_back(statement: str) -> None:
    """What somebody does who may switch triggers off."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement)


@pytest.mark.django_db
def test_an_entry_says_who_what_why_before_and_after() -> None:
    saga = Saga.objects.create(saga_type="order", saga_id="o/1")
    with transaction.atomic():
        audit.record(
            ANNA,
            "repair.started",
            ("saga", "order/o/1"),
            saga=saga,
            reason="customer waits",
            before={"status": "running"},
            after={"status": "compensating", "at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)},
        )
    entry = AuditEntry.objects.get()
    assert (entry.sequence, entry.actor_kind, entry.actor, entry.address) == (
        1,
        "person",
        "anna",
        "192.0.2.7",
    )
    assert (entry.action, entry.object_kind, entry.object_id) == ("repair.started", "saga", "order/o/1")
    assert (entry.saga, entry.reason, entry.before) == (saga, "customer waits", {"status": "running"})
    assert entry.after == {"status": "compensating", "at": "2026-01-02T03:04:05.678901+00:00"}
    assert audit.verify() == audit.Verified(1, entry.hash)


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_of_its_acts_transaction_is_refused() -> None:
    with pytest.raises(audit.NotInTransactionError):
        audit.record(ANNA, "repair.started", ("repair", "R-1"))
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_act_that_is_undone_leaves_no_entry_and_no_gap() -> None:
    append(1)
    with pytest.raises(RuntimeError), transaction.atomic():
        audit.record(ANNA, "repair.started", ("repair", "R-x"))
        raise RuntimeError("the act failed")
    append(1)
    assert list(AuditEntry.objects.values_list("sequence", flat=True)) == [2, 1]
    assert isinstance(audit.verify(), audit.Verified)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sagas_auditentry SET reason = 'another'",
        "DELETE FROM sagas_auditentry",
        "TRUNCATE sagas_auditentry",
        "TRUNCATE sagas_saga CASCADE",
        "DELETE FROM sagas_audithead",
        "TRUNCATE sagas_audithead",
        "UPDATE sagas_audithead SET sequence = 0",
        "UPDATE sagas_audithead SET sequence = sequence + 2",
        "UPDATE sagas_audithead SET hash = 'x'",
    ],
)
def test_the_database_refuses_to_change_the_log(statement: str) -> None:
    append(2)
    with pytest.raises(DatabaseError, match="audit log"), connection.cursor() as cursor:
        cursor.execute(statement)
    assert isinstance(audit.verify(), audit.Verified)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("statement", "sequence", "what"),
    [
        ("UPDATE sagas_auditentry SET reason = 'another' WHERE sequence = 2", 2, "content"),
        ("UPDATE sagas_auditentry SET at = at + interval '1 microsecond' WHERE sequence = 3", 3, "content"),
        ("UPDATE sagas_auditentry SET before = '{}' WHERE sequence = 4", 4, "content"),
        ("UPDATE sagas_auditentry SET content_hash = repeat('a', 64) WHERE sequence = 4", 4, "content"),
        ("UPDATE sagas_auditentry SET hash = repeat('a', 64) WHERE sequence = 4", 4, "content"),
        ("UPDATE sagas_auditentry SET previous_hash = repeat('a', 64) WHERE sequence = 4", 4, "content"),
        ("INSERT INTO sagas_auditentry (sequence, at, actor_kind, actor, action, object_kind, object_id,"
         " reason, content_hash, previous_hash, hash) SELECT 0, at, actor_kind, actor, action, object_kind,"
         " object_id, reason, content_hash, previous_hash, hash FROM sagas_auditentry WHERE sequence = 1",
         0, "before the first"),
        ("DELETE FROM sagas_auditentry WHERE sequence = 1", 1, "it is missing"),
        ("DELETE FROM sagas_auditentry WHERE sequence = 3", 3, "it is missing"),
        ("DELETE FROM sagas_auditentry WHERE sequence IN (2, 3)", 2, "it and all up to 3 are missing"),
        ("DELETE FROM sagas_auditentry WHERE sequence = 5", 5, "it is missing"),
        ("DELETE FROM sagas_auditentry", 1, "it and all up to 5 are missing"),
        ("DELETE FROM sagas_audithead", 0, "the head of the chain is missing"),
        ("UPDATE sagas_audithead SET hash = repeat('a', 64)", 5, "head"),
        ("UPDATE sagas_audithead SET (sequence, hash) = (SELECT sequence, hash FROM sagas_auditentry e"
         " WHERE e.sequence = 4)", 5, "past the head"),
    ],
)  # fmt: skip
def test_what_was_done_behind_its_back_is_found(statement: str, sequence: int, what: str) -> None:
    append(5)
    head = AuditHead.objects.get()
    behind_its_back(statement)
    found = audit.verify()
    assert isinstance(found, audit.Broken)
    assert found.sequence == sequence
    assert what in found.what
    with pytest.raises(CommandError, match=f"broken at entry {sequence}: .*{what}"):
        call_command("verify_audit")
    if not AuditHead.objects.exists():
        head.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sequence", [1, 3, 5])
def test_an_entry_rewritten_with_a_fitting_hash_is_found(sequence: int) -> None:
    append(5)
    entry = AuditEntry.objects.get(sequence=sequence)
    entry.reason = "another"
    content_hash = audit.content_hash(entry)
    behind_its_back(
        f"UPDATE sagas_auditentry SET reason = 'another', content_hash = '{content_hash}',"
        f" hash = '{chain.link(entry.previous_hash, content_hash)}' WHERE sequence = {sequence}"
    )
    found = audit.verify()
    assert isinstance(found, audit.Broken)
    assert found.sequence == sequence


@pytest.mark.django_db(transaction=True)
def test_the_command_says_that_the_log_is_whole() -> None:
    append(3)
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert out.getvalue() == f"Audit log whole: 3 entries, head {AuditHead.objects.get().hash}.\n"


@pytest.mark.django_db(transaction=True)
def test_more_entries_than_are_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "CHUNK", 3)
    append(8)
    told: list[tuple[int, int]] = []
    whole = audit.verify(lambda done, total: told.append((done, total)))
    assert whole == audit.Verified(8, AuditHead.objects.get().hash)
    assert told == [(3, 8), (6, 8)]


@pytest.mark.django_db(transaction=True)
def test_the_command_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "CHUNK", 2)
    monkeypatch.setattr(verify_audit, "STRIDE", 4)
    append(9)
    told = StringIO()
    call_command("verify_audit", stdout=StringIO(), stderr=told)
    assert told.getvalue() == "4 of 9 entries hold.\n8 of 9 entries hold.\n"


@pytest.mark.django_db(transaction=True)
def test_many_writers_make_one_dense_chain() -> None:
    def write() -> None:
        append(6)
        with transaction.atomic():
            audit.record_all(Entry(ANNA, "step.skipped", ("step", str(number))) for number in range(4))
        connection.close()

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert audit.verify() == audit.Verified(40, AuditHead.objects.get().hash)
    times = list(AuditEntry.objects.order_by("sequence").values_list("at", flat=True))
    assert times == sorted(times)


@pytest.mark.django_db(transaction=True)
def test_many_entries_are_appended_in_their_order_in_one_go() -> None:
    saga = Saga.objects.create(saga_type="order", saga_id="o/1")
    append(1)
    with transaction.atomic():
        written = audit.record_all(
            Entry(ANNA, "step.skipped", ("step", str(number)), saga, "why", {"was": number}, [number])
            for number in range(500)
        )
    stored = list(AuditEntry.objects.filter(sequence__gt=1).order_by("sequence"))
    assert [entry.sequence for entry in stored] == list(range(2, 502))
    assert [entry.object_id for entry in stored] == [str(number) for number in range(500)]
    assert {(entry.saga_id, entry.reason, entry.address) for entry in stored} == {
        (saga.pk, "why", "192.0.2.7")
    }
    assert [audit.content(entry) for entry in stored] == [audit.content(entry) for entry in written]
    assert audit.verify() == audit.Verified(501, stored[-1].hash)


@pytest.mark.django_db(transaction=True)
def test_one_entry_that_cannot_be_written_leaves_none() -> None:
    fine = Entry(ANNA, "step.skipped", ("step", "1"))
    with pytest.raises(ValueError, match="JSON"), transaction.atomic():
        audit.record_all([fine, Entry(ANNA, "step.skipped", ("step", "2"), after=float("inf")), fine])
    with transaction.atomic():
        assert audit.record_all([]) == []
    assert audit.verify() == audit.Verified(0, audit.GENESIS)


def chained_in_one_level(count: int) -> None:
    """As entries were before migration 0014."""
    append(count)
    migration = import_module("sagas.migrations.0014_audit_two_levels")
    previous = audit.GENESIS
    for entry in AuditEntry.objects.order_by("sequence"):
        hash, _ = migration.one_level(migration.content(entry), previous)
        behind_its_back(
            f"UPDATE sagas_auditentry SET content_hash = '', previous_hash = '{previous}', hash = '{hash}'"
            f" WHERE sequence = {entry.sequence}"
        )
        previous = hash
    behind_its_back(f"UPDATE sagas_audithead SET hash = '{previous}'")


def chain_anew() -> None:
    with connection.schema_editor() as editor:
        import_module("sagas.migrations.0014_audit_two_levels").forwards(apps, editor)


@pytest.mark.django_db(transaction=True)
def test_entries_of_before_are_chained_anew_and_stay_what_they_were() -> None:
    chained_in_one_level(5)
    before = [audit.content(entry) for entry in AuditEntry.objects.order_by("sequence")]
    assert isinstance(audit.verify(), audit.Broken)
    chain_anew()
    assert audit.verify() == audit.Verified(5, AuditHead.objects.get().hash)
    assert [audit.content(entry) for entry in AuditEntry.objects.order_by("sequence")] == before
    append(1)
    with pytest.raises(DatabaseError, match="audit log"), connection.cursor() as cursor:
        cursor.execute("UPDATE sagas_auditentry SET reason = 'another'")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sagas_auditentry SET reason = 'another' WHERE sequence = 2",
        "DELETE FROM sagas_auditentry WHERE sequence = 3",
        "DELETE FROM sagas_auditentry WHERE sequence = 5",
    ],
)
def test_a_chain_of_before_that_is_broken_is_not_made_whole(statement: str) -> None:
    chained_in_one_level(5)
    behind_its_back(statement)
    before = list(AuditEntry.objects.values())
    with pytest.raises(RuntimeError, match="restore it from a backup"):
        chain_anew()
    assert list(AuditEntry.objects.values()) == before


@pytest.mark.django_db(transaction=True)
def test_a_role_that_does_not_own_the_tables_can_only_append() -> None:
    """The grants of docs/audit.md."""
    text = (Path(__file__).parent.parent.parent / "docs" / "audit.md").read_text()
    grants = text.partition("```sql\n")[2].partition("```")[0]
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE amends_app")
        cursor.execute(grants)
        cursor.execute("SET ROLE amends_app")
        try:
            append(2)
            for statement in (
                "ALTER TABLE sagas_auditentry DISABLE TRIGGER ALL",
                "SET session_replication_role = replica",
                "UPDATE sagas_auditentry SET reason = 'another'",
                "TRUNCATE sagas_auditentry",
            ):
                with pytest.raises(DatabaseError):
                    cursor.execute(statement)
            assert isinstance(audit.verify(), audit.Verified)
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP OWNED BY amends_app; DROP ROLE amends_app")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.django_db
@example(value=[1e-7, 1e22, 10**30, -(2**63)], name="numbers that are written in two ways", reason="")
@given(value=JSON, name=st.text(max_size=50), reason=st.text())
def test_any_value_keeps_its_hash_through_the_database(value: Any, name: str, reason: str) -> None:
    with transaction.atomic():
        actor = Actor("key", name)
        entry = audit.record(actor, "x.done", ("x", "1"), reason=reason, before=value, after=[value])
    stored = AuditEntry.objects.get(pk=entry.pk)
    assert (audit.content(stored), stored.hash) == (audit.content(entry), entry.hash)
    assert audit.is_sound(stored)
    assert isinstance(audit.verify(), audit.Verified)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (1e3, 1000),
        (-0.0, 0),
        (0.1, 0.1),
        (1e300, 10**300),
        ("a\x00b", "a\ufffdb"),
        ({"b", "a"}, ["a", "b"]),
        ({1: (True, None)}, {"1": [True, None]}),
        (Decimal("49.90"), "49.90"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_values_are_kept_as_json(value: Any, stored: Any) -> None:
    assert audit.plain(value) == stored


@pytest.mark.parametrize("value", [object(), b"bytes", {"deep": [object()]}])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be written"):
        audit.plain(value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given_address", "kept"),
    [
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::102:304", "::1.2.3.4"),
        ("", None),
        (None, None),
        ("a socket", None),
    ],
)
def test_addresses_have_one_spelling(given_address: str | None, kept: str | None) -> None:
    with transaction.atomic():
        audit.record(Actor("person", "anna", given_address), "x.done", ("x", "1"))
    assert AuditEntry.objects.get().address == kept
    assert isinstance(audit.verify(), audit.Verified)
