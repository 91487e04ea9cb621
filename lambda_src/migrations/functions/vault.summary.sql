CREATE OR REPLACE FUNCTION vault.summary()
RETURNS TABLE (public_key text, data_keys bigint, newest timestamptz, waiting_since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(k.public_key, 'hex'), count(*), max(k.created_at), min(k.created_at) FILTER (WHERE k.waits)
    FROM (
        SELECT public_key, created_at, false AS waits FROM vault.data_keys
        UNION ALL SELECT public_key, created_at, true FROM vault.inbox
    ) AS k
    GROUP BY k.public_key
$$;
COMMENT ON FUNCTION vault.summary() IS
    'Returns the public keys (SHA-256) that the vault was sealed for, and the time of the oldest batch in the inbox; no content';
