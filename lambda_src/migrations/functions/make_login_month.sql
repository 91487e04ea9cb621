-- A month may be partitioned by day. Inserts go to random pages of an index. Once the indexes of a month outgrow memory, each
-- insert reads from disk; the indexes of a day are thirty times smaller. Retention, archives and readers still see one table.
CREATE OR REPLACE FUNCTION public.make_login_month(month date, by_day boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name       text := to_char(month, '"user_logins_"YYYY"_"MM');
    next_month date := month + interval '1 month';
    day        date := month;
BEGIN
    EXECUTE format('CREATE TABLE public.%I (LIKE public.user_logins INCLUDING ALL) %s', name,
                   CASE WHEN by_day THEN 'PARTITION BY RANGE (create_date)' ELSE '' END);
    EXECUTE format('COMMENT ON TABLE public.%I IS %L', name, to_char(month, '"Logins of "YYYY-MM'));
    WHILE by_day AND day < next_month LOOP
        EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
                       name || to_char(day, '"_"DD'), name, day, day + 1);
        EXECUTE format('COMMENT ON TABLE public.%I IS %L', name || to_char(day, '"_"DD'), 'Logins of ' || day);
        day := day + 1;
    END LOOP;
    -- The default partition may hold logins of that month. They have to be moved before the month can be attached.
    EXECUTE format(
        'WITH moved AS (DELETE FROM public.user_logins_default WHERE create_date >= %L AND create_date < %L RETURNING *)
         INSERT INTO public.%I SELECT * FROM moved', month, next_month, name);
    EXECUTE format('ALTER TABLE public.user_logins ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                   name, month, next_month);
END $$;
COMMENT ON FUNCTION public.make_login_month(date, boolean) IS 'Makes the partition of the month that begins on that date';
