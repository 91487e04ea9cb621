CREATE OR REPLACE FUNCTION public.login_months() RETURNS TABLE (month date, partition regclass)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_date(right(c.relname, 7), 'YYYY_MM'), c.oid::regclass
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'public.user_logins'::regclass AND c.relname ~ '^user_logins_\d{4}_\d{2}$'
    ORDER BY 1
$$;
COMMENT ON FUNCTION public.login_months() IS 'The monthly partitions of user_logins';
