"""The audit log is chained in two levels: each hash is of the one before it and of the content's own hash.

Entries that exist are chained anew, after the chain that they were written in has been followed: one that is
broken stays as it is, and the migration says where.
"""

import hashlib
import json
from datetime import UTC
from ipaddress import ip_address

from django.db import migrations, models

CHUNK = 5000

# The append-only triggers stand aside in this transaction alone.
STAND_ASIDE = """
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE sagas_auditentry DISABLE TRIGGER audit_entry_unchanged;
ALTER TABLE sagas_audithead DISABLE TRIGGER audit_head_forward;
"""
STAND_AGAIN = """
ALTER TABLE sagas_auditentry ENABLE TRIGGER audit_entry_unchanged;
ALTER TABLE sagas_audithead ENABLE TRIGGER audit_head_forward;
"""

RECHAIN = """
UPDATE sagas_auditentry entry
SET content_hash = new.content_hash, previous_hash = new.previous_hash, hash = new.hash
FROM json_to_recordset(%s) AS new (sequence bigint, content_hash text, previous_hash text, hash text)
WHERE entry.sequence = new.sequence
"""

# Many entries are appended in one go, and the head is then moved once: to an entry that is there.
STEP = """
CREATE OR REPLACE FUNCTION sagas_audit_head_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.sequence <= OLD.sequence OR NOT EXISTS (
        SELECT FROM sagas_auditentry WHERE sequence = NEW.sequence AND hash = NEW.hash
    ) THEN
        RAISE EXCEPTION 'The head of the audit log moves forward only, to an entry that is there.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
"""

ONE_STEP = """
CREATE OR REPLACE FUNCTION sagas_audit_head_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.sequence <> OLD.sequence + 1 THEN
        RAISE EXCEPTION 'The head of the audit log moves one entry at a time.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
"""


class BrokenChainError(RuntimeError):
    pass


def content(entry):
    address = ip_address(entry.address) if entry.address else None
    return {
        "sequence": entry.sequence,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor_kind": entry.actor_kind,
        "actor": entry.actor,
        "action": entry.action,
        "object_kind": entry.object_kind,
        "object_id": entry.object_id,
        "saga": entry.saga_id,
        "reason": entry.reason,
        "before": entry.before,
        "after": entry.after,
        "address": str(address) if address else None,
    }


def sha256(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def one_level(found, previous):
    return sha256(found | {"previous_hash": previous}), ""


def two_levels(found, previous):
    inner = sha256(found)
    return hashlib.sha256(f"{previous}:{inner}".encode()).hexdigest(), inner


def chain_anew(apps, schema_editor, old, new):
    entries = apps.get_model("sagas", "AuditEntry").objects.order_by("sequence")
    head = apps.get_model("sagas", "AuditHead").objects.select_for_update().get()
    was = now = "0" * 64
    expected = 1
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(STAND_ASIDE)
        while chunk := list(entries.filter(sequence__gte=expected)[:CHUNK]):
            rows = []
            for entry in chunk:
                found = content(entry)
                if (entry.sequence, entry.previous_hash, entry.hash) != (expected, was, old(found, was)[0]):
                    raise BrokenChainError(
                        f"The audit log is broken at entry {expected}. Nothing was changed: restore it from a backup."
                    )
                hash, inner = new(found, now)
                rows.append(
                    {"sequence": expected, "content_hash": inner, "previous_hash": now, "hash": hash}
                )
                was, now, expected = entry.hash, hash, expected + 1
            cursor.execute(RECHAIN, [json.dumps(rows)])
        if (head.sequence, head.hash) != (expected - 1, was):
            raise BrokenChainError(
                f"The audit log's head names entry {head.sequence}, and {expected - 1} are there."
                " Nothing was changed: restore it from a backup."
            )
        cursor.execute("UPDATE sagas_audithead SET hash = %s", [now])
        cursor.execute(STAND_AGAIN)


def forwards(apps, schema_editor):
    chain_anew(apps, schema_editor, one_level, two_levels)


def backwards(apps, schema_editor):
    chain_anew(apps, schema_editor, two_levels, one_level)


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0013_acceptance'),
    ]

    operations = [
        migrations.AddField(
            model_name='auditentry',
            name='content_hash',
            field=models.CharField(default='', max_length=64),
            preserve_default=False,
        ),
        migrations.RunPython(forwards, backwards),
        migrations.RunSQL(STEP, ONE_STEP),
    ]
