-- Which users share a device or an address, in under two seconds at ten million logins. count_sharing() stores counts. Each
-- query recounts only the pseudonyms that had a login since then, so it includes every committed login. Pseudonyms that are
-- linked across salts count as one from the next count_sharing() on.
CREATE TABLE public.sharing_counted (
    one     boolean     PRIMARY KEY DEFAULT true CHECK (one),
    through timestamptz NOT NULL
);
INSERT INTO public.sharing_counted (through) VALUES (now() - interval '5 minutes');
COMMENT ON TABLE public.sharing_counted IS 'One row: the instant up to which counted_ips and counted_devices are complete';
COMMENT ON COLUMN public.sharing_counted.one IS 'Always true';
COMMENT ON COLUMN public.sharing_counted.through IS 'Every login written before this instant is counted';

CREATE MATERIALIZED VIEW public.counted_ips AS
SELECT coalesce(k.new, l.masked_ip) AS masked_ip, count(DISTINCT l.user_id) AS users, count(*) AS logins,
       min(l.create_date) AS first_day, max(l.create_date) AS last_day
FROM public.user_logins l LEFT JOIN public.pseudonym_links k ON k.old = l.masked_ip
GROUP BY 1
HAVING count(*) > 1;
CREATE UNIQUE INDEX counted_ips_key ON public.counted_ips (masked_ip);
-- Statistics would hold pseudonyms of people who are erased later. The unique index tells the planner enough.
ALTER MATERIALIZED VIEW public.counted_ips ALTER COLUMN masked_ip SET STATISTICS 0;
CREATE INDEX counted_ips_logins ON public.counted_ips (logins);
COMMENT ON MATERIALIZED VIEW public.counted_ips IS 'shared_ips as it was at the last count_sharing()';
COMMENT ON COLUMN public.counted_ips.masked_ip IS 'Pseudonym of the address';
COMMENT ON COLUMN public.counted_ips.users IS 'Distinct users seen with it';
COMMENT ON COLUMN public.counted_ips.logins IS 'Logins seen with it';
COMMENT ON COLUMN public.counted_ips.first_day IS 'First day it was seen';
COMMENT ON COLUMN public.counted_ips.last_day IS 'Last day it was seen';

CREATE MATERIALIZED VIEW public.counted_devices AS
SELECT coalesce(k.new, l.masked_device_id) AS masked_device_id, count(DISTINCT l.user_id) AS users, count(*) AS logins,
       min(l.create_date) AS first_day, max(l.create_date) AS last_day
FROM public.user_logins l LEFT JOIN public.pseudonym_links k ON k.old = l.masked_device_id
GROUP BY 1
HAVING count(*) > 1;
CREATE UNIQUE INDEX counted_devices_key ON public.counted_devices (masked_device_id);
ALTER MATERIALIZED VIEW public.counted_devices ALTER COLUMN masked_device_id SET STATISTICS 0;
CREATE INDEX counted_devices_logins ON public.counted_devices (logins);
COMMENT ON MATERIALIZED VIEW public.counted_devices IS 'shared_devices as it was at the last count_sharing()';
COMMENT ON COLUMN public.counted_devices.masked_device_id IS 'Pseudonym of the device';
COMMENT ON COLUMN public.counted_devices.users IS 'Distinct users seen with it';
COMMENT ON COLUMN public.counted_devices.logins IS 'Logins seen with it';
COMMENT ON COLUMN public.counted_devices.first_day IS 'First day it was seen';
COMMENT ON COLUMN public.counted_devices.last_day IS 'Last day it was seen';
