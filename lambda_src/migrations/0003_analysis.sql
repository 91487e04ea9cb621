-- What analysts ask: who shares a device or an address, and how many logins a day.
CREATE VIEW shared_ips AS
SELECT masked_ip, count(DISTINCT user_id) AS users, count(*) AS logins,
       min(create_date) AS first_day, max(create_date) AS last_day
FROM user_logins
GROUP BY masked_ip
HAVING count(*) > 1;
COMMENT ON VIEW shared_ips IS 'Addresses (pseudonyms) seen more than once';
COMMENT ON COLUMN shared_ips.masked_ip IS 'Pseudonym of the address';
COMMENT ON COLUMN shared_ips.users IS 'Distinct users seen with it';
COMMENT ON COLUMN shared_ips.logins IS 'Logins seen with it';
COMMENT ON COLUMN shared_ips.first_day IS 'First day it was seen';
COMMENT ON COLUMN shared_ips.last_day IS 'Last day it was seen';

CREATE VIEW shared_devices AS
SELECT masked_device_id, count(DISTINCT user_id) AS users, count(*) AS logins,
       min(create_date) AS first_day, max(create_date) AS last_day
FROM user_logins
GROUP BY masked_device_id
HAVING count(*) > 1;
COMMENT ON VIEW shared_devices IS 'Devices (pseudonyms) seen more than once';
COMMENT ON COLUMN shared_devices.masked_device_id IS 'Pseudonym of the device';
COMMENT ON COLUMN shared_devices.users IS 'Distinct users seen with it';
COMMENT ON COLUMN shared_devices.logins IS 'Logins seen with it';
COMMENT ON COLUMN shared_devices.first_day IS 'First day it was seen';
COMMENT ON COLUMN shared_devices.last_day IS 'Last day it was seen';

CREATE VIEW daily_logins AS
SELECT create_date, count(*) AS logins, count(DISTINCT user_id) AS users,
       count(DISTINCT masked_device_id) AS devices, count(DISTINCT masked_ip) AS ips
FROM user_logins
GROUP BY create_date;
COMMENT ON VIEW daily_logins IS 'Logins a day, with the distinct users, devices and addresses behind them';
COMMENT ON COLUMN daily_logins.create_date IS 'UTC day';
COMMENT ON COLUMN daily_logins.logins IS 'Logins of that day';
COMMENT ON COLUMN daily_logins.users IS 'Distinct users of that day';
COMMENT ON COLUMN daily_logins.devices IS 'Distinct devices (pseudonyms) of that day';
COMMENT ON COLUMN daily_logins.ips IS 'Distinct addresses (pseudonyms) of that day';

CREATE FUNCTION app_version_text(app_version integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN app_version / 1000000 || '.' || app_version / 1000 % 1000 || '.' || app_version % 1000;
COMMENT ON FUNCTION app_version_text(integer) IS 'user_logins.app_version as people write it: 2003000 is 2.3.0';
