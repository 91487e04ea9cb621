CREATE OR REPLACE FUNCTION vault.sealed_original(entry bigint)
RETURNS TABLE (salt_version integer, sealed bytea, wrapped bytea, public_key bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT o.salt_version, o.sealed, k.wrapped, k.public_key
    FROM vault.check_entry(entry, 'recover') e
    JOIN vault.originals o ON o.pseudonym = e.subject
    JOIN vault.data_keys k ON k.id = o.data_key
$$;
COMMENT ON FUNCTION vault.sealed_original(bigint) IS 'What the audit entry of that number asks to recover, sealed';
