-- Only tables whose statistics hold one of the values: each ANALYZE reads up to 30,000 rows. It leaves out the rows that its
-- own transaction has removed.
CREATE OR REPLACE FUNCTION public.analyze_tables_with(known text[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stale    text;
    analyzed integer := 0;
BEGIN
    FOR stale IN
        SELECT DISTINCT format('%I.%I', s.schemaname, s.tablename)
        FROM pg_stats s JOIN pg_class c ON c.oid = format('%I.%I', s.schemaname, s.tablename)::regclass
        WHERE s.schemaname IN ('public', 'vault') AND c.relkind IN ('r', 'p')
              AND (coalesce(s.most_common_vals::text::text[], '{}') || coalesce(s.histogram_bounds::text::text[], '{}')) && known
        ORDER BY 1
    LOOP
        EXECUTE 'ANALYZE ' || stale;
        analyzed := analyzed + 1;
    END LOOP;
    RETURN analyzed;
END $$;
COMMENT ON FUNCTION public.analyze_tables_with(text[]) IS
    'Makes the planner statistics anew that hold one of the values; returns of how many tables';
REVOKE EXECUTE ON FUNCTION public.analyze_tables_with(text[]) FROM PUBLIC;
