CREATE OR REPLACE FUNCTION public.app_version_text(app_version integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN app_version / 1000000 || '.' || app_version / 1000 % 1000 || '.' || app_version % 1000;
COMMENT ON FUNCTION public.app_version_text(integer) IS 'Converts user_logins.app_version to text: 2003000 is 2.3.0';
