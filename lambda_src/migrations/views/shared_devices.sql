-- The stored counts of count_sharing(), and new counts for the pseudonyms that had a login since.
CREATE OR REPLACE VIEW public.shared_devices AS
WITH recent AS (
    SELECT coalesce(k.new, n.masked_device_id) AS masked_device_id
    FROM public.user_logins n LEFT JOIN public.pseudonym_links k ON k.old = n.masked_device_id
    WHERE n.written_at >= public.sharing_counted_through()
)
SELECT masked_device_id, users, logins, first_day, last_day
FROM public.counted_devices c
WHERE NOT EXISTS (SELECT FROM recent r WHERE r.masked_device_id = c.masked_device_id)
UNION ALL
SELECT same.newest, count(DISTINCT l.user_id), count(*), min(l.create_date), max(l.create_date)
FROM (
    SELECT masked_device_id AS pseudonym, masked_device_id AS newest FROM recent
    UNION SELECT k.old, k.new FROM public.pseudonym_links k WHERE k.new IN (SELECT masked_device_id FROM recent)
) AS same
JOIN public.user_logins l ON l.masked_device_id = same.pseudonym
GROUP BY same.newest
HAVING count(*) > 1;
COMMENT ON VIEW public.shared_devices IS 'Devices (pseudonyms) seen more than once';
COMMENT ON COLUMN public.shared_devices.masked_device_id IS 'Pseudonym of the device';
COMMENT ON COLUMN public.shared_devices.users IS 'Distinct users seen with it';
COMMENT ON COLUMN public.shared_devices.logins IS 'Logins seen with it';
COMMENT ON COLUMN public.shared_devices.first_day IS 'First day it was seen';
COMMENT ON COLUMN public.shared_devices.last_day IS 'Last day it was seen';
