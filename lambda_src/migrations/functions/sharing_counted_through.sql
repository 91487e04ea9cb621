-- STABLE, so that the planner looks at the value and knows how few logins are newer.
CREATE OR REPLACE FUNCTION public.sharing_counted_through() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN (SELECT c.through FROM public.sharing_counted c);
COMMENT ON FUNCTION public.sharing_counted_through() IS 'How far counted_ips and counted_devices go';
