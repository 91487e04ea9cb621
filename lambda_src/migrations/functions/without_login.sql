-- There is one condition per masked column, so that each uses its index.
CREATE OR REPLACE FUNCTION public.without_login(pseudonym text, condition text DEFAULT 'true') RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(string_agg(format('NOT EXISTS (SELECT FROM public.user_logins l WHERE l.%I = %s AND %s)',
                                      m.name, pseudonym, condition), ' AND '), 'true')
    FROM public.masked_columns() AS m (name)
$$;
COMMENT ON FUNCTION public.without_login(text, text) IS
    'Returns an SQL condition: no login has the pseudonym that the first argument, an SQL expression, gives. The second '
    'argument, a condition on the login l, narrows the search';
