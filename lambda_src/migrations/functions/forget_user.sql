CREATE OR REPLACE FUNCTION public.forget_user(
    forgotten text, who text, request text, why text,
    OUT logins bigint, OUT originals bigint, OUT links bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pseudonyms text[];
    known      text[];
BEGIN
    PERFORM audit.lock_removals();
    -- The lock blocks ANALYZE, which would keep values of the rows. It does not block readers or writers.
    LOCK TABLE public.user_logins IN SHARE UPDATE EXCLUSIVE MODE;
    EXECUTE format(
        'WITH gone AS (DELETE FROM public.user_logins l WHERE l.user_id = $1 RETURNING l.event_id, ARRAY[%s]::text[] AS named)
         SELECT (SELECT count(*) FROM gone), (SELECT array_agg(gone.event_id::text) FROM gone),
                (SELECT array_agg(DISTINCT p) FROM gone, unnest(gone.named) AS p WHERE p IS NOT NULL)',
        (SELECT string_agg(format('l.%I', m.name), ', ') FROM public.masked_columns() AS m (name)))
    INTO logins, known, pseudonyms USING forgotten;

    -- A batch that could not be unfolded cannot lose a single original, so the whole batch is removed: the erasure has priority.
    DELETE FROM vault.inbox_faults f WHERE string_to_array(f.batch ->> 'pseudonyms', ',') && pseudonyms;
    -- The same originals under other salts.
    SELECT array_agg(DISTINCT pseudonym) INTO pseudonyms FROM (
        SELECT unnest(pseudonyms)
        UNION SELECT l.new FROM public.pseudonym_links l WHERE l.old = ANY (pseudonyms)
        UNION SELECT l.old FROM public.pseudonym_links l WHERE l.new = ANY (pseudonyms)
        UNION SELECT other.old FROM public.pseudonym_links l JOIN public.pseudonym_links other ON other.new = l.new
              WHERE l.old = ANY (pseudonyms)
    ) AS same (pseudonym);
    -- Keep only the pseudonyms that no remaining login has.
    EXECUTE 'SELECT coalesce(array_agg(p), ''{}'') FROM unnest($1) AS p WHERE ' || public.without_login('p')
    INTO pseudonyms USING pseudonyms;

    DELETE FROM vault.originals o WHERE o.pseudonym = ANY (pseudonyms);
    GET DIAGNOSTICS originals = ROW_COUNT;
    DELETE FROM public.pseudonym_links l WHERE l.old = ANY (pseudonyms);
    GET DIAGNOSTICS links = ROW_COUNT;
    PERFORM public.analyze_tables_with(known || pseudonyms || forgotten);
    UPDATE vault.answers a SET through = 'g' WHERE a.through = ANY (pseudonyms);
    PERFORM audit.append('forget', who, request, why, audit.hash_person(forgotten), counts =>
                         jsonb_build_object('logins', logins, 'originals', originals, 'links', links));
END $$;
COMMENT ON FUNCTION public.forget_user(text, text, text, text) IS
    'Removes a user''s logins, and the originals and links that no other login shares; returns how many of each';
