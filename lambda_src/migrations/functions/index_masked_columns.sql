-- Queries look up pseudonyms in each masked column. Without an index, each look-up would read all logins. The index compares
-- bytes: in en_US.UTF-8, RDS's default collation, an insert into a default index took twice the time.
CREATE OR REPLACE FUNCTION public.index_masked_columns() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    masked name;
    made   integer := 0;
BEGIN
    FOR masked IN
        SELECT m.name FROM public.masked_columns() AS m (name) WHERE NOT EXISTS (
            SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
            WHERE i.indrelid = 'public.user_logins'::regclass AND a.attname = m.name
        )
    LOOP
        EXECUTE format('CREATE INDEX %I ON public.user_logins (%I varchar_pattern_ops)', 'user_logins_' || masked, masked);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION public.index_masked_columns() IS 'Makes the index of each masked column that has none; returns how many';
