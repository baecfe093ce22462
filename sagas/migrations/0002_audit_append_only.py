"""The audit log can only grow: the database itself refuses everything else."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION sagas_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit log can only grow: % on % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_entry_unchanged BEFORE UPDATE OR DELETE ON sagas_auditentry
    FOR EACH ROW EXECUTE FUNCTION sagas_audit_refuse();
CREATE TRIGGER audit_entry_not_emptied BEFORE TRUNCATE ON sagas_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION sagas_audit_refuse();
CREATE TRIGGER audit_head_kept BEFORE DELETE ON sagas_audithead
    FOR EACH ROW EXECUTE FUNCTION sagas_audit_refuse();
CREATE TRIGGER audit_head_not_emptied BEFORE TRUNCATE ON sagas_audithead
    FOR EACH STATEMENT EXECUTE FUNCTION sagas_audit_refuse();

CREATE FUNCTION sagas_audit_head_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.sequence <> OLD.sequence + 1 THEN
        RAISE EXCEPTION 'The head of the audit log moves one entry at a time.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER audit_head_forward BEFORE UPDATE ON sagas_audithead
    FOR EACH ROW EXECUTE FUNCTION sagas_audit_head_step();

INSERT INTO sagas_audithead (id, sequence, hash) VALUES (1, 0, repeat('0', 64));
"""

ALLOW = """
DROP TRIGGER audit_head_forward ON sagas_audithead;
DROP TRIGGER audit_head_not_emptied ON sagas_audithead;
DROP TRIGGER audit_head_kept ON sagas_audithead;
DROP TRIGGER audit_entry_not_emptied ON sagas_auditentry;
DROP TRIGGER audit_entry_unchanged ON sagas_auditentry;
DROP FUNCTION sagas_audit_head_step();
DROP FUNCTION sagas_audit_refuse();
DELETE FROM sagas_audithead;
"""


class Migration(migrations.Migration):
    dependencies = [("sagas", "0001_initial")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
