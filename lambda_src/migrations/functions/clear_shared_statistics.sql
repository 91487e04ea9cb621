-- Statistics of tables that outlive a month hold values of its logins. An erasure that comes after the month has gone does
-- not know the pseudonyms any more. The lock keeps ANALYZE out until the rows are gone, and holds up no reader or writer.
CREATE OR REPLACE FUNCTION public.clear_shared_statistics() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE ONLY public.user_logins, ONLY public.user_logins_default IN SHARE UPDATE EXCLUSIVE MODE;
    PERFORM pg_clear_attribute_stats(s.schemaname, s.tablename, s.attname, s.inherited) FROM pg_stats s
    WHERE s.schemaname = 'public' AND s.tablename IN ('user_logins', 'user_logins_default');
END $$;
COMMENT ON FUNCTION public.clear_shared_statistics() IS
    'Removes the planner statistics of user_logins as a whole and of its default partition; called before logins are dropped';
