-- The stored counts of count_sharing(), and new counts for the pseudonyms that had a login since.
CREATE OR REPLACE VIEW public.shared_ips AS
WITH recent AS (
    SELECT coalesce(k.new, n.masked_ip) AS masked_ip
    FROM public.user_logins n LEFT JOIN public.pseudonym_links k ON k.old = n.masked_ip
    WHERE n.written_at >= public.sharing_counted_through()
)
SELECT masked_ip, users, logins, first_day, last_day
FROM public.counted_ips c
WHERE NOT EXISTS (SELECT FROM recent r WHERE r.masked_ip = c.masked_ip)
UNION ALL
SELECT same.newest, count(DISTINCT l.user_id), count(*), min(l.create_date), max(l.create_date)
FROM (
    SELECT masked_ip AS pseudonym, masked_ip AS newest FROM recent
    UNION SELECT k.old, k.new FROM public.pseudonym_links k WHERE k.new IN (SELECT masked_ip FROM recent)
) AS same
JOIN public.user_logins l ON l.masked_ip = same.pseudonym
GROUP BY same.newest
HAVING count(*) > 1;
COMMENT ON VIEW public.shared_ips IS 'Addresses (pseudonyms) seen more than once';
COMMENT ON COLUMN public.shared_ips.masked_ip IS 'Pseudonym of the address';
COMMENT ON COLUMN public.shared_ips.users IS 'Distinct users seen with it';
COMMENT ON COLUMN public.shared_ips.logins IS 'Logins seen with it';
COMMENT ON COLUMN public.shared_ips.first_day IS 'First day it was seen';
COMMENT ON COLUMN public.shared_ips.last_day IS 'Last day it was seen';
