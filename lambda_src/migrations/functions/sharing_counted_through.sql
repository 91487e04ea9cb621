-- STABLE, so that the planner evaluates it and estimates how few logins are newer.
CREATE OR REPLACE FUNCTION public.sharing_counted_through() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN (SELECT c.through FROM public.sharing_counted c);
COMMENT ON FUNCTION public.sharing_counted_through() IS 'The instant up to which counted_ips and counted_devices are complete';
