-- It waits for readers, and the function queues behind it. The lock timeout keeps that wait short.
CREATE OR REPLACE FUNCTION public.split_login_months() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '4s' AS $$
DECLARE
    whole  record;
    filled boolean;
    split  integer := 0;
BEGIN
    FOR whole IN
        SELECT m.month, m.partition FROM public.login_months() m JOIN pg_class c ON c.oid = m.partition
        WHERE c.relkind = 'r' AND m.month >= date_trunc('month', now() AT TIME ZONE 'UTC')
    LOOP
        LOCK TABLE public.user_logins IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', whole.partition) INTO filled;
        CONTINUE WHEN filled;
        EXECUTE format('DROP TABLE %s', whole.partition);
        PERFORM public.make_login_month(whole.month, true);
        split := split + 1;
    END LOOP;
    RETURN split;
END $$;
COMMENT ON FUNCTION public.split_login_months() IS
    'Partitions the current and later months by day if they hold no login yet, and so all months made later; returns how many';
