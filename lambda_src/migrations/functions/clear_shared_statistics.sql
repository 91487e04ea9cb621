-- Statistics of the parent and of the default partition hold values of a dropped month. A later erasure does not know these
-- pseudonyms any more. The lock blocks ANALYZE until the rows are dropped, and does not block readers or writers.
CREATE OR REPLACE FUNCTION public.clear_shared_statistics() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE ONLY public.user_logins, ONLY public.user_logins_default IN SHARE UPDATE EXCLUSIVE MODE;
    PERFORM pg_clear_attribute_stats(s.schemaname, s.tablename, s.attname, s.inherited) FROM pg_stats s
    WHERE s.schemaname = 'public' AND s.tablename IN ('user_logins', 'user_logins_default');
END $$;
COMMENT ON FUNCTION public.clear_shared_statistics() IS
    'Removes the planner statistics of user_logins as a whole and of its default partition; called before logins are dropped';
