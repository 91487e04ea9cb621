CREATE OR REPLACE FUNCTION audit.hash_person(person text) RETURNS text
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(person, 'UTF8'))), 'hex')
    FROM audit.person_key k
$$;
COMMENT ON FUNCTION audit.hash_person(text) IS 'What the entry of an erasure holds of a user id: its HMAC-SHA-256 in hex';
