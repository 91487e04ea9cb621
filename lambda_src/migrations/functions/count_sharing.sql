CREATE OR REPLACE FUNCTION public.count_sharing() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '128MB' AS $$
BEGIN
    -- A row holds the start of its transaction, and is visible after its COMMIT. The timeouts of the role ingest
    -- keep the difference at seconds. Five minutes are a safe margin: a recounted login does no harm.
    UPDATE public.sharing_counted SET through = now() - interval '5 minutes';
    REFRESH MATERIALIZED VIEW CONCURRENTLY public.counted_ips;
    REFRESH MATERIALIZED VIEW CONCURRENTLY public.counted_devices;
END $$;
COMMENT ON FUNCTION public.count_sharing() IS
    'Stores counts for shared_ips and shared_devices. Without it, they stay correct but get slow; it also removes the '
    'counts of removed logins';
