CREATE OR REPLACE FUNCTION public.line_checksum(line text) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN ('x' || left(encode(sha256(convert_to(line, 'UTF8')), 'hex'), 16))::bit(64)::bigint;
COMMENT ON FUNCTION public.line_checksum(text) IS
    'First 8 bytes of the SHA-256 of a line, as a signed number; the checksum of an archive is their sum, in any order';
