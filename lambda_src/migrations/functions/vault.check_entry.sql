-- Reading the vault needs a committed entry in the audit table, because an uncommitted one could be rolled back. The entry
-- names what may be read.
CREATE OR REPLACE FUNCTION vault.check_entry(entry bigint, wanted text) RETURNS audit.entries
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found audit.entries;
BEGIN
    SELECT * INTO found FROM audit.entries e
    WHERE e.id = entry AND e.action = wanted AND e.role = session_user AND e.at > now() - interval '1 hour'
          AND pg_xact_status(e.transaction_id) = 'committed';
    IF found.id IS NULL THEN
        RAISE EXCEPTION 'the vault stays shut: no committed audit entry of the last hour says % %', wanted, entry
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN found;
END $$;
COMMENT ON FUNCTION vault.check_entry(bigint, text) IS
    'Returns the audit entry of that number and action; raises an error if there is none';
