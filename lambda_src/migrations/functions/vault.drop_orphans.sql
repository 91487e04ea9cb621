-- Only vault.unfold() adds originals, and it waits for removals. So no removed original can return during this run.
CREATE OR REPLACE FUNCTION vault.drop_orphans(most integer, OUT originals integer, OUT links integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found text[];
BEGIN
    PERFORM audit.lock_removals();
    originals := 0;
    links := 0;
    IF NOT EXISTS (SELECT FROM vault.orphaned) THEN
        RETURN;
    END IF;
    EXECUTE format(
        'SELECT coalesce(array_agg(pseudonym), ''{}'') FROM (
             SELECT o.pseudonym FROM vault.originals o WHERE %s
             UNION SELECT k.old FROM public.pseudonym_links k WHERE %s
             LIMIT $1
         ) AS orphans', public.without_login('o.pseudonym'), public.without_login('k.old'))
    INTO found USING most;
    DELETE FROM vault.originals o WHERE o.pseudonym = ANY (found);
    GET DIAGNOSTICS originals = ROW_COUNT;
    DELETE FROM public.pseudonym_links l WHERE l.old = ANY (found);
    GET DIAGNOSTICS links = ROW_COUNT;
    IF cardinality(found) < most THEN
        DELETE FROM vault.orphaned;
    END IF;
END $$;
COMMENT ON FUNCTION vault.drop_orphans(integer) IS
    'Removes originals and links that no login has any more, up to the given number, if logins were dropped since the last run; '
    'returns the number of each';
