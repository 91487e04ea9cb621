-- One at a time: removals take locks in different orders. And the table before its partitions, as readers, writers and
-- migrations lock them: nobody waits in a circle.
CREATE OR REPLACE FUNCTION audit.lock_removals() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_advisory_xact_lock(hashtext('login-pipeline removals'));
    LOCK TABLE ONLY public.user_logins IN ACCESS SHARE MODE;
$$;
COMMENT ON FUNCTION audit.lock_removals() IS
    'Makes removals of logins wait for each other, and for whoever changes the table itself';
