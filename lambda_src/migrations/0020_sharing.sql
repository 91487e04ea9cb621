-- Who shares a device or an address, in under two seconds at ten million logins: what was counted some time ago, with the
-- pseudonyms that had a login since counted anew at each query. A login is in the answer from its COMMIT on; pseudonyms that
-- are linked across salts count as one, from the first count after the linking on.
ALTER TABLE user_logins ADD COLUMN written_at timestamptz NOT NULL DEFAULT '-infinity';  -- of the rows that are there
ALTER TABLE user_logins ALTER COLUMN written_at SET DEFAULT now();
CREATE INDEX user_logins_written_at ON user_logins (written_at);
COMMENT ON COLUMN user_logins.written_at IS 'When the transaction that wrote the row began; -infinity before that was written down';

CREATE TABLE sharing_counted (
    one     boolean     PRIMARY KEY DEFAULT true CHECK (one),
    through timestamptz NOT NULL
);
INSERT INTO sharing_counted (through) VALUES (now() - interval '5 minutes');
COMMENT ON TABLE sharing_counted IS 'One row: how far counted_ips and counted_devices go';
COMMENT ON COLUMN sharing_counted.one IS 'Always true';
COMMENT ON COLUMN sharing_counted.through IS 'Every login written before this instant is counted';

-- STABLE, so that the planner looks at the value and knows how few logins are newer.
CREATE FUNCTION sharing_counted_through() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
RETURN (SELECT through FROM sharing_counted);
COMMENT ON FUNCTION sharing_counted_through() IS 'How far counted_ips and counted_devices go';

SET LOCAL work_mem = '128MB';
CREATE MATERIALIZED VIEW counted_ips AS
SELECT masked_ip, count(DISTINCT user_id) AS users, count(*) AS logins,
       min(create_date) AS first_day, max(create_date) AS last_day
FROM linked_logins
GROUP BY masked_ip
HAVING count(*) > 1;
CREATE UNIQUE INDEX counted_ips_key ON counted_ips (masked_ip);
CREATE INDEX counted_ips_logins ON counted_ips (logins);
COMMENT ON MATERIALIZED VIEW counted_ips IS 'shared_ips as it was at the last count_sharing()';

CREATE MATERIALIZED VIEW counted_devices AS
SELECT masked_device_id, count(DISTINCT user_id) AS users, count(*) AS logins,
       min(create_date) AS first_day, max(create_date) AS last_day
FROM linked_logins
GROUP BY masked_device_id
HAVING count(*) > 1;
CREATE UNIQUE INDEX counted_devices_key ON counted_devices (masked_device_id);
CREATE INDEX counted_devices_logins ON counted_devices (logins);
COMMENT ON MATERIALIZED VIEW counted_devices IS 'shared_devices as it was at the last count_sharing()';

DO $$
DECLARE
    pair record;
BEGIN
    FOR pair IN
        SELECT v.relname AS counted, a.attname AS name, col_description(s.oid, b.attnum) AS meaning
        FROM pg_class v JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0
             JOIN pg_class s ON s.relname = replace(v.relname, 'counted', 'shared') AND s.relnamespace = v.relnamespace
             JOIN pg_attribute b ON b.attrelid = s.oid AND b.attname = a.attname
        WHERE v.oid IN ('counted_ips'::regclass, 'counted_devices'::regclass)
    LOOP
        EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', pair.counted, pair.name, pair.meaning);
    END LOOP;
END $$;

CREATE OR REPLACE VIEW shared_ips AS
WITH recent AS (
    SELECT coalesce(k.new, n.masked_ip) AS masked_ip
    FROM user_logins n LEFT JOIN pseudonym_links k ON k.old = n.masked_ip
    WHERE n.written_at >= sharing_counted_through()
)
SELECT masked_ip, users, logins, first_day, last_day
FROM counted_ips c
WHERE NOT EXISTS (SELECT FROM recent r WHERE r.masked_ip = c.masked_ip)
UNION ALL
SELECT same.newest, count(DISTINCT l.user_id), count(*), min(l.create_date), max(l.create_date)
FROM (
    SELECT masked_ip AS pseudonym, masked_ip AS newest FROM recent
    UNION SELECT k.old, k.new FROM pseudonym_links k WHERE k.new IN (SELECT masked_ip FROM recent)
) AS same
JOIN user_logins l ON l.masked_ip = same.pseudonym
GROUP BY same.newest
HAVING count(*) > 1;

CREATE OR REPLACE VIEW shared_devices AS
WITH recent AS (
    SELECT coalesce(k.new, n.masked_device_id) AS masked_device_id
    FROM user_logins n LEFT JOIN pseudonym_links k ON k.old = n.masked_device_id
    WHERE n.written_at >= sharing_counted_through()
)
SELECT masked_device_id, users, logins, first_day, last_day
FROM counted_devices c
WHERE NOT EXISTS (SELECT FROM recent r WHERE r.masked_device_id = c.masked_device_id)
UNION ALL
SELECT same.newest, count(DISTINCT l.user_id), count(*), min(l.create_date), max(l.create_date)
FROM (
    SELECT masked_device_id AS pseudonym, masked_device_id AS newest FROM recent
    UNION SELECT k.old, k.new FROM pseudonym_links k WHERE k.new IN (SELECT masked_device_id FROM recent)
) AS same
JOIN user_logins l ON l.masked_device_id = same.pseudonym
GROUP BY same.newest
HAVING count(*) > 1;

CREATE FUNCTION count_sharing() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET work_mem = '128MB' AS $$
BEGIN
    -- A row shows when its transaction began, and is seen once that has ended: in between lie seconds, as the
    -- time-outs of the role ingest see to. Five minutes are on the safe side; counting a login twice does no harm.
    UPDATE sharing_counted SET through = now() - interval '5 minutes';
    REFRESH MATERIALIZED VIEW CONCURRENTLY counted_ips;
    REFRESH MATERIALIZED VIEW CONCURRENTLY counted_devices;
END $$;
COMMENT ON FUNCTION count_sharing() IS
    'Counts for shared_ips and shared_devices. Without it they stay right but get slow; with it, removed logins go too';

GRANT SELECT ON counted_ips, counted_devices TO analyst, operator;
REVOKE EXECUTE ON FUNCTION count_sharing(), sharing_counted_through() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sharing_counted_through() TO analyst, operator;
GRANT EXECUTE ON FUNCTION count_sharing() TO operator;
