CREATE OR REPLACE FUNCTION public.login_line(login public.user_logins) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN (to_jsonb(login) - 'written_at')::text;
COMMENT ON FUNCTION public.login_line(public.user_logins) IS
    'A login as a line of an archive, as JSON; without written_at: a row that is brought back is written anew';
