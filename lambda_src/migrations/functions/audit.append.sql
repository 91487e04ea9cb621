-- The lock serializes entries: numbers have no gap and no duplicate, and each hash includes the previous one. Only the owner
-- can take the lock. Other roles can only read the table.
CREATE OR REPLACE FUNCTION audit.append(
    action text, who text, request text, why text, subject text, basis text DEFAULT NULL,
    salt_version integer DEFAULT NULL, counts jsonb DEFAULT '{}')
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entry  audit.entries;
    before audit.entries;
BEGIN
    LOCK TABLE audit.entries IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO before FROM audit.entries e ORDER BY e.id DESC LIMIT 1;
    entry.id := coalesce(before.id, 0) + 1;
    entry.at := clock_timestamp();
    entry.action := action;
    entry.actor := who;
    entry.role := session_user;
    entry.request_id := request;
    entry.reason := why;
    entry.basis := basis;
    entry.subject := subject;
    entry.salt_version := salt_version;
    entry.counts := counts;
    entry.transaction_id := pg_current_xact_id();
    -- ops/audit_chain.py checks this line.
    entry.hash := sha256(coalesce(before.hash, '') || convert_to(jsonb_build_array(
        entry.id, extract(epoch FROM entry.at), entry.action, entry.actor, entry.role, entry.request_id, entry.reason,
        entry.basis, entry.subject, entry.salt_version, entry.counts, entry.transaction_id::text)::text, 'UTF8'));
    INSERT INTO audit.entries SELECT entry.*;
    RETURN entry.id;
END $$;
COMMENT ON FUNCTION audit.append(text, text, text, text, text, text, integer, jsonb) IS
    'Adds an entry to the audit table and returns its number; others wait until this transaction has ended';
