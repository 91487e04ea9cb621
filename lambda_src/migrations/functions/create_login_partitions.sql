-- The partitions belong to the owner of the tables: whoever may make them does so as the owner.
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
        -- The parent before its partitions, as everybody locks them; this mode holds up no reader or writer.
        LOCK TABLE ONLY public.user_logins IN SHARE UPDATE EXCLUSIVE MODE;
        LOCK TABLE public.user_logins_default IN ACCESS EXCLUSIVE MODE;
        PERFORM public.make_login_month(wanted, coalesce(by_day, false));
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION public.create_login_partitions(date, integer) IS
    'Makes the monthly partitions that are missing, from the month of the first argument on, by day where the newest month is; '
    'returns how many';
