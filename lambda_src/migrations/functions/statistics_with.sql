CREATE OR REPLACE FUNCTION public.statistics_with(known text[])
RETURNS TABLE (schemaname name, tablename name, attname name, inherited boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.schemaname, s.tablename, s.attname, s.inherited FROM pg_stats s
    WHERE s.schemaname = 'public'
          AND (coalesce(s.most_common_vals::text::text[], '{}') || coalesce(s.histogram_bounds::text::text[], '{}')) && known
$$;
COMMENT ON FUNCTION public.statistics_with(text[]) IS 'The columns whose planner statistics hold one of the values';
