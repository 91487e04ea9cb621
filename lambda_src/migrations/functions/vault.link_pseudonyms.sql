CREATE OR REPLACE FUNCTION vault.link_pseudonyms(entry bigint, old_ones text[], new_ones text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked   audit.entries := vault.check_entry(entry, 'link');
    written integer;
BEGIN
    INSERT INTO public.pseudonym_links AS links (old, new, old_version, new_version)
    SELECT o.pseudonym, pair.new, o.salt_version, asked.subject::integer
    FROM unnest(old_ones, new_ones) AS pair (old, new) JOIN vault.originals o ON o.pseudonym = pair.old
    ORDER BY o.pseudonym
    ON CONFLICT (old) DO UPDATE SET new = excluded.new, new_version = excluded.new_version, linked_at = now()
        WHERE links.new_version < excluded.new_version;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;
COMMENT ON FUNCTION vault.link_pseudonyms(bigint, text[], text[]) IS
    'Stores pairs of old and new pseudonyms for the audit entry of a link; returns how many pairs were new';
