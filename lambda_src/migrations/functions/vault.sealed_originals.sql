-- With the version of the salt, so that whoever opens an original can hold it against its pseudonym.
CREATE OR REPLACE FUNCTION vault.sealed_originals(entry bigint, after text, most integer)
RETURNS TABLE (pseudonym text, salt_version integer, sealed bytea, wrapped bytea, public_key bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT o.pseudonym, o.salt_version, o.sealed, k.wrapped, k.public_key
    FROM vault.check_entry(entry, 'link') e
    JOIN vault.originals o ON o.pseudonym > after
         AND (o.salt_version = e.salt_version
              -- What was linked to the old version before: its link goes on to the new one.
              OR EXISTS (
                  SELECT FROM public.pseudonym_links l WHERE l.old = o.pseudonym AND l.new_version = e.salt_version
              ))
    JOIN vault.data_keys k ON k.id = o.data_key
    ORDER BY o.pseudonym LIMIT most
$$;
COMMENT ON FUNCTION vault.sealed_originals(bigint, text, integer) IS
    'The next sealed originals that the audit entry of that number asks to link, in order of their pseudonyms';
