CREATE OR REPLACE FUNCTION public.masked_columns() RETURNS SETOF name
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.attname FROM pg_attribute a
    WHERE a.attrelid = 'public.user_logins'::regclass AND a.attnum > 0 AND NOT a.attisdropped
          AND starts_with(a.attname::text, 'masked_')
    ORDER BY a.attnum
$$;
COMMENT ON FUNCTION public.masked_columns() IS 'The columns of user_logins that hold pseudonyms: those named masked_*';
