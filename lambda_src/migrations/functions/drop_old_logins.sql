CREATE OR REPLACE FUNCTION public.drop_old_logins(keep_from date, dry_run boolean, who text, request text, why text)
RETURNS TABLE (month date, logins bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old    record;
    total  bigint := 0;
    months integer := 0;
BEGIN
    IF keep_from > date_trunc('month', now() AT TIME ZONE 'UTC') THEN
        RAISE EXCEPTION 'the logins of the current month are always kept';
    END IF;
    PERFORM audit.lock_removals();
    IF NOT dry_run THEN
        PERFORM public.clear_shared_statistics();
    END IF;
    FOR old IN SELECT m.month, m.partition FROM public.login_months() m WHERE m.month < date_trunc('month', keep_from) LOOP
        month := old.month;
        EXECUTE format('SELECT count(*) FROM %s', old.partition) INTO logins;
        IF NOT dry_run THEN
            EXECUTE format('DROP TABLE %s', old.partition);
        END IF;
        total := total + logins;
        months := months + 1;
        RETURN NEXT;
    END LOOP;
    -- Old logins in the default partition: their months have no partition.
    month := NULL;
    SELECT count(*) INTO logins FROM public.user_logins_default d WHERE d.create_date < date_trunc('month', keep_from);
    IF logins > 0 THEN
        IF NOT dry_run THEN
            DELETE FROM public.user_logins_default d WHERE d.create_date < date_trunc('month', keep_from);
        END IF;
        total := total + logins;
        RETURN NEXT;
    END IF;
    IF NOT dry_run THEN
        INSERT INTO vault.orphaned DEFAULT VALUES ON CONFLICT DO NOTHING;
        DELETE FROM vault.inbox_faults f WHERE f.last_day < date_trunc('month', keep_from);
        DELETE FROM public.rejected_logins r WHERE r.last_seen < date_trunc('month', keep_from);
        IF total > 0 OR months > 0 THEN
            PERFORM audit.append('retention', who, request, why, 'before ' || to_char(keep_from, 'YYYY-MM'),
                                 counts => jsonb_build_object('logins', total, 'partitions', months));
        END IF;
    END IF;
END $$;
COMMENT ON FUNCTION public.drop_old_logins(date, boolean, text, text, text) IS
    'Drops the logins and rejects of the months before that of the date; returns each month with its number of logins (month '
    'null: logins of the default partition)';
