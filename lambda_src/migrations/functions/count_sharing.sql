CREATE OR REPLACE FUNCTION public.count_sharing() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '128MB' AS $$
BEGIN
    -- A row shows when its transaction began, and is seen once that has ended: in between lie seconds, as the
    -- time-outs of the role ingest see to. Five minutes are on the safe side; counting a login twice does no harm.
    UPDATE public.sharing_counted SET through = now() - interval '5 minutes';
    REFRESH MATERIALIZED VIEW CONCURRENTLY public.counted_ips;
    REFRESH MATERIALIZED VIEW CONCURRENTLY public.counted_devices;
END $$;
COMMENT ON FUNCTION public.count_sharing() IS
    'Counts for shared_ips and shared_devices. Without it they stay right but get slow; with it, removed logins go too';
