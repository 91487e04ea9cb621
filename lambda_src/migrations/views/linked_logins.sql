-- Logins with their newest linked pseudonyms; without links, the logins as they are. The view has the columns that
-- user_logins has when this file is applied. Every run that applies a numbered migration applies this file too.
DO $$
DECLARE
    logins  regclass := 'public.user_logins';
    columns text;
    joins   text;
BEGIN
    SELECT string_agg(CASE WHEN m.name IS NULL THEN format('l.%I', a.attname)
                           ELSE format('coalesce(k%1$s.new, l.%2$I) AS %2$I', a.attnum, a.attname) END,
                      ', ' ORDER BY a.attnum),
           string_agg(format(' LEFT JOIN public.pseudonym_links k%1$s ON k%1$s.old = l.%2$I', a.attnum, m.name), ''
                      ORDER BY a.attnum) FILTER (WHERE m.name IS NOT NULL)
    INTO columns, joins
    FROM pg_attribute a LEFT JOIN public.masked_columns() AS m (name) ON m.name = a.attname
    WHERE a.attrelid = logins AND a.attnum > 0 AND NOT a.attisdropped;
    EXECUTE format('CREATE OR REPLACE VIEW public.linked_logins AS SELECT %s FROM public.user_logins l%s', columns, joins);

    EXECUTE (
        SELECT string_agg(format('COMMENT ON COLUMN public.linked_logins.%I IS %L', v.attname,
                                 col_description(logins, a.attnum)), '; ')
        FROM pg_attribute v JOIN pg_attribute a ON a.attrelid = logins AND a.attname = v.attname
        WHERE v.attrelid = 'public.linked_logins'::regclass AND v.attnum > 0
    );
END $$;
COMMENT ON VIEW public.linked_logins IS
    'user_logins with the newest pseudonyms that `salt link` has stored, so that rows are comparable across rotations';
