-- One at a time: removals take locks in different orders.
CREATE OR REPLACE FUNCTION audit.lock_removals() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_advisory_xact_lock(hashtext('login-pipeline removals'))
$$;
COMMENT ON FUNCTION audit.lock_removals() IS 'Makes removals of logins wait for each other';
