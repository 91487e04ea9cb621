-- Runs as the owner of the tables, so that the owner also owns the partitions.
CREATE OR REPLACE FUNCTION public.create_login_partitions(first_month date, months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted date;
    by_day boolean;
    made   integer := 0;
BEGIN
    SELECT c.relkind = 'p' INTO by_day FROM public.login_months() m JOIN pg_class c ON c.oid = m.partition
    ORDER BY m.month DESC LIMIT 1;
    FOR i IN 0 .. months - 1 LOOP
        wanted := (date_trunc('month', first_month) + make_interval(months => i))::date;
        CONTINUE WHEN to_regclass(to_char(wanted, '"public.user_logins_"YYYY"_"MM')) IS NOT NULL;
        -- The parent is locked before its partitions, as everywhere. This mode does not block readers or writers.
        LOCK TABLE ONLY public.user_logins IN SHARE UPDATE EXCLUSIVE MODE;
        LOCK TABLE public.user_logins_default IN ACCESS EXCLUSIVE MODE;
        PERFORM public.make_login_month(wanted, coalesce(by_day, false));
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION public.create_login_partitions(date, integer) IS
    'Makes the missing monthly partitions from the month of the first argument on; partitions them by day if the newest month '
    'is; returns their number';
