CREATE OR REPLACE FUNCTION public.login_line(login public.user_logins) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN (to_jsonb(login) - 'written_at')::text;
COMMENT ON FUNCTION public.login_line(public.user_logins) IS
    'Returns a login as a JSON line of an archive, without written_at, because a restored row gets a new one';
