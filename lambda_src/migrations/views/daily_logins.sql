-- Devices and addresses that are linked across salts count as one.
CREATE OR REPLACE VIEW public.daily_logins AS
SELECT l.create_date, count(*) AS logins, count(DISTINCT l.user_id) AS users,
       count(DISTINCT coalesce(device.new, l.masked_device_id)) AS devices,
       count(DISTINCT coalesce(ip.new, l.masked_ip)) AS ips
FROM public.user_logins l
LEFT JOIN public.pseudonym_links ip ON ip.old = l.masked_ip
LEFT JOIN public.pseudonym_links device ON device.old = l.masked_device_id
GROUP BY l.create_date;
COMMENT ON VIEW public.daily_logins IS 'Logins per day, with the number of distinct users, devices and addresses';
COMMENT ON COLUMN public.daily_logins.create_date IS 'UTC day';
COMMENT ON COLUMN public.daily_logins.logins IS 'Logins of that day';
COMMENT ON COLUMN public.daily_logins.users IS 'Distinct users of that day';
COMMENT ON COLUMN public.daily_logins.devices IS 'Distinct devices (pseudonyms) of that day';
COMMENT ON COLUMN public.daily_logins.ips IS 'Distinct addresses (pseudonyms) of that day';
