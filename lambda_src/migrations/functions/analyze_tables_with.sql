-- Only tables whose statistics hold one of the values: each ANALYZE reads up to 30,000 rows. It leaves out the rows that its
-- own transaction has removed. What still holds a value is cleared: ANALYZE keeps the statistics of a table without rows,
-- and those of a partitioned table would have all its partitions analyzed.
CREATE OR REPLACE FUNCTION public.analyze_tables_with(known text[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stale    record;
    analyzed integer := 0;
BEGIN
    FOR stale IN SELECT DISTINCT s.schemaname, s.tablename FROM public.statistics_with(known) s WHERE NOT s.inherited
                 ORDER BY 1, 2 LOOP
        EXECUTE format('ANALYZE %I.%I', stale.schemaname, stale.tablename);
        analyzed := analyzed + 1;
    END LOOP;
    PERFORM pg_clear_attribute_stats(s.schemaname, s.tablename, s.attname, s.inherited)
    FROM public.statistics_with(known) s;
    RETURN analyzed;
END $$;
COMMENT ON FUNCTION public.analyze_tables_with(text[]) IS
    'Makes the planner statistics anew, or clears them, that hold one of the values; returns how many tables it analyzed';
