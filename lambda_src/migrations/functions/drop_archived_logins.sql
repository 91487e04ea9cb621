CREATE OR REPLACE FUNCTION public.drop_archived_logins(
    archived date, expected bigint, expected_checksum numeric, archive text, target text, who text, request text,
    why text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    month_table regclass;
    counted     bigint;
    checksum    numeric;
    held        bigint;
BEGIN
    IF archived >= date_trunc('month', now() AT TIME ZONE 'UTC') THEN
        RAISE EXCEPTION 'the logins of the current month are always kept';
    END IF;
    -- From here on, only a late login can change the month.
    PERFORM audit.lock_removals();
    SELECT m.partition INTO month_table FROM public.login_months() m WHERE m.month = archived;
    IF month_table IS NULL THEN
        PERFORM public.clear_shared_statistics();
        WITH gone AS (
            DELETE FROM public.user_logins l
            WHERE l.create_date >= archived AND l.create_date < archived + interval '1 month'
            RETURNING public.line_checksum(public.login_line(l)) AS line
        )
        SELECT count(*), coalesce(sum(line), 0) INTO counted, checksum FROM gone;
    ELSE
        EXECUTE format('SELECT count(*), coalesce(sum(public.line_checksum(public.login_line(m.login))), 0)
                        FROM (SELECT l::public.user_logins AS login FROM %s l) AS m', month_table)
        INTO counted, checksum;
        -- The parent is locked before its partitions, as readers and writers do, which prevents deadlocks. The checksum
        -- was computed without this lock, so nobody waited for it. The count below detects a login that came since.
        LOCK TABLE ONLY public.user_logins IN ACCESS EXCLUSIVE MODE;
        PERFORM public.clear_shared_statistics();
        EXECUTE format('SELECT count(*) FROM %s', month_table) INTO held;
    END IF;
    IF counted = 0 THEN
        RAISE EXCEPTION 'the month holds no login any more: another run may have dropped it';
    END IF;
    IF counted <> expected OR checksum <> expected_checksum OR held <> counted THEN
        RAISE EXCEPTION 'the month has changed since it was archived (% logins, % archived): archive it again',
                        coalesce(held, counted), expected;
    END IF;
    IF month_table IS NOT NULL THEN
        EXECUTE format('DROP TABLE %s', month_table);
    END IF;
    INSERT INTO vault.orphaned DEFAULT VALUES ON CONFLICT DO NOTHING;
    PERFORM audit.append('archive', who, request, why, to_char(archived, 'YYYY-MM'), counts =>
                         jsonb_build_object('logins', counted, 'checksum', checksum::text, 'archive', archive,
                                            'target', target, 'dropped', true));
END $$;
COMMENT ON FUNCTION public.drop_archived_logins(date, bigint, numeric, text, text, text, text, text) IS
    'Drops a month if the number and checksum of its logins are those of the archive';
