CREATE OR REPLACE FUNCTION audit.hash_person(person text) RETURNS text
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(person, 'UTF8'))), 'hex')
    FROM audit.person_key k
$$;
COMMENT ON FUNCTION audit.hash_person(text) IS 'Returns the HMAC-SHA-256 of a user id in hex, for the audit entry of an erasure';
