-- A month may be partitioned by day. A month's indexes are written to in random order: once they outgrow memory, each row
-- costs reads; a day's do so thirty times later. To retention, archives and readers the month stays one table.
CREATE FUNCTION make_login_month(month date, by_day boolean) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    name      text := to_char(month, '"user_logins_"YYYY"_"MM');
    next_month date := month + interval '1 month';
    day       date := month;
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE user_logins INCLUDING ALL) %s', name,
                   CASE WHEN by_day THEN 'PARTITION BY RANGE (create_date)' ELSE '' END);
    EXECUTE format('COMMENT ON TABLE %I IS %L', name, to_char(month, '"Logins of "YYYY-MM'));
    WHILE by_day AND day < next_month LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                       name || to_char(day, '"_"DD'), name, day, day + 1);
        EXECUTE format('COMMENT ON TABLE %I IS %L', name || to_char(day, '"_"DD'), 'Logins of ' || day);
        day := day + 1;
    END LOOP;
    -- Rows of that month may be in the net: a partition can be attached only once they are out of it.
    EXECUTE format(
        'WITH moved AS (DELETE FROM user_logins_default WHERE create_date >= %L AND create_date < %L RETURNING *)
         INSERT INTO %I SELECT * FROM moved', month, next_month, name);
    EXECUTE format('ALTER TABLE user_logins ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, month, next_month);
END $$;
COMMENT ON FUNCTION make_login_month(date, boolean) IS 'Makes the partition of the month that begins on that date';

CREATE OR REPLACE FUNCTION create_login_partitions(first_month date, months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wanted date;
    by_day boolean;
    made   integer := 0;
BEGIN
    SELECT c.relkind = 'p' INTO by_day FROM login_months() m JOIN pg_class c ON c.oid = m.partition
    ORDER BY m.month DESC LIMIT 1;
    FOR i IN 0 .. months - 1 LOOP
        wanted := (date_trunc('month', first_month) + make_interval(months => i))::date;
        CONTINUE WHEN to_regclass(to_char(wanted, '"user_logins_"YYYY"_"MM')) IS NOT NULL;
        LOCK TABLE user_logins_default IN ACCESS EXCLUSIVE MODE;
        PERFORM make_login_month(wanted, coalesce(by_day, false));
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION create_login_partitions(date, integer) IS
    'Makes the monthly partitions that are missing, from the month of the first argument on, by day where the newest month is; '
    'returns how many';

-- It waits for whoever reads, and makes the function wait behind it: not for long.
CREATE FUNCTION split_login_months() RETURNS integer
LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '4s' AS $$
DECLARE
    whole  record;
    filled boolean;
    split  integer := 0;
BEGIN
    FOR whole IN
        SELECT m.month, m.partition FROM login_months() m JOIN pg_class c ON c.oid = m.partition
        WHERE c.relkind = 'r' AND m.month >= date_trunc('month', now() AT TIME ZONE 'UTC')
    LOOP
        LOCK TABLE user_logins IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', whole.partition) INTO filled;
        CONTINUE WHEN filled;
        EXECUTE format('DROP TABLE %s', whole.partition);
        PERFORM make_login_month(whole.month, true);
        split := split + 1;
    END LOOP;
    RETURN split;
END $$;
COMMENT ON FUNCTION split_login_months() IS
    'Partitions by day the months from this one on that hold no login yet, and so all later ones; returns how many';

REVOKE EXECUTE ON FUNCTION make_login_month(date, boolean), split_login_months() FROM PUBLIC;
