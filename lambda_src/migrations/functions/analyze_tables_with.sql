-- It analyzes only tables whose statistics hold one of the values, because each ANALYZE reads up to 30,000 rows. ANALYZE
-- ignores the rows that its own transaction has removed. Statistics that still hold a value are cleared: ANALYZE does not
-- replace those of an empty table, and for a partitioned table it would analyze every partition.
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
    'Renews or clears the planner statistics that hold one of the values; returns how many tables it analyzed';
