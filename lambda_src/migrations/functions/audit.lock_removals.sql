-- One at a time: removals take locks in different orders. And the table before its partitions, as readers, writers and
-- migrations lock them: nobody waits in a circle. Only the owner may use audit.person_key: no other role can take its lock
-- but through this function.
CREATE OR REPLACE FUNCTION audit.lock_removals() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    LOCK TABLE audit.person_key IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE ONLY public.user_logins IN ACCESS SHARE MODE;
$$;
COMMENT ON FUNCTION audit.lock_removals() IS
    'Makes removals of logins wait for each other, and for whoever changes the table itself';
