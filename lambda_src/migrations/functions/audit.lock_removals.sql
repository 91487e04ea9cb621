-- Removals run one at a time, because they take locks in different orders. The parent table is locked before its partitions,
-- as readers, writers and migrations do, which prevents deadlocks. Only the owner has privileges on audit.person_key, so
-- other roles can lock it only through this function.
CREATE OR REPLACE FUNCTION audit.lock_removals() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    LOCK TABLE audit.person_key IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE ONLY public.user_logins IN ACCESS SHARE MODE;
$$;
COMMENT ON FUNCTION audit.lock_removals() IS
    'Makes removals of logins wait for each other, and for changes of the table itself';
