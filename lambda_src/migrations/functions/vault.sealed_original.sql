CREATE OR REPLACE FUNCTION vault.sealed_original(entry bigint)
RETURNS TABLE (salt_version integer, sealed bytea, wrapped bytea, public_key bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked audit.entries := vault.check_entry(entry, 'recover');
BEGIN
    IF vault.begin_answer(entry) <> '' THEN
        RAISE EXCEPTION 'the vault stays shut: audit entry % was answered before', entry
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
    SELECT o.salt_version, o.sealed, k.wrapped, k.public_key
    FROM vault.originals o JOIN vault.data_keys k ON k.id = o.data_key
    WHERE o.pseudonym = asked.subject;
    UPDATE vault.answers a SET through = 'g' WHERE a.entry = sealed_original.entry;
END $$;
COMMENT ON FUNCTION vault.sealed_original(bigint) IS
    'Returns the sealed original that the audit entry of that number asks to recover; works once per entry';
