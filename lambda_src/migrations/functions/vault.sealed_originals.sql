-- The result holds the version of the salt, so that the reader can verify an original against its pseudonym.
CREATE OR REPLACE FUNCTION vault.sealed_originals(entry bigint, most integer)
RETURNS TABLE (pseudonym text, salt_version integer, sealed bytea, wrapped bytea, public_key bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked audit.entries := vault.check_entry(entry, 'link');
    after text := vault.begin_answer(entry);
    given text := 'g';
BEGIN
    FOR pseudonym, salt_version, sealed, wrapped, public_key IN
        SELECT o.pseudonym, o.salt_version, o.sealed, k.wrapped, k.public_key
        FROM vault.originals o JOIN vault.data_keys k ON k.id = o.data_key
        WHERE o.pseudonym > after
              AND (o.salt_version = asked.salt_version
                   -- Originals that were linked to the old version before get a link to the new version.
                   OR EXISTS (
                       SELECT FROM public.pseudonym_links l
                       WHERE l.old = o.pseudonym AND l.new_version = asked.salt_version
                   ))
        ORDER BY o.pseudonym LIMIT most
    LOOP
        given := pseudonym;
        RETURN NEXT;
    END LOOP;
    UPDATE vault.answers a SET through = given WHERE a.entry = sealed_originals.entry;
END $$;
COMMENT ON FUNCTION vault.sealed_originals(bigint, integer) IS
    'Returns the next sealed originals that the audit entry of that number asks to link, in order of their pseudonyms, each once';
