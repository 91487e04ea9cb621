-- The logins: one row per event, with personal data only as pseudonyms.
CREATE TABLE public.user_logins (
    event_id         uuid         NOT NULL,
    create_date      date         NOT NULL,
    app_version      integer      NOT NULL,
    salt_version     integer      NOT NULL,
    user_id          varchar(128) NOT NULL,
    device_type      varchar(32)  NOT NULL,
    masked_ip        varchar(256) NOT NULL,
    masked_device_id varchar(256) NOT NULL,
    locale           varchar(32),
    app_version_name varchar(64)  NOT NULL,
    written_at       timestamptz  NOT NULL DEFAULT now(),
    -- A unique key on a partitioned table must contain the partition key.
    CONSTRAINT user_logins_key PRIMARY KEY (event_id, create_date)
) PARTITION BY RANGE (create_date);

-- index_masked_columns() makes the indexes of the masked columns.
CREATE INDEX user_logins_written_at ON public.user_logins (written_at);

COMMENT ON TABLE public.user_logins IS 'One row per login event; ip and device_id only as keyed pseudonyms';
COMMENT ON COLUMN public.user_logins.event_id IS
    'Id of the event: its event_id, else the messageId. A text that is not a UUID is stored as its UUIDv5 (URL namespace)';
COMMENT ON COLUMN public.user_logins.create_date IS 'UTC date on which the queue received the message';
COMMENT ON COLUMN public.user_logins.app_version IS
    'major * 1,000,000 + minor * 1,000 + patch, so that it sorts like versions; app_version_text() converts it to text';
COMMENT ON COLUMN public.user_logins.salt_version IS
    'Version of the salt behind the pseudonyms; pseudonyms of different versions cannot be compared';
COMMENT ON COLUMN public.user_logins.user_id IS 'As sent';
COMMENT ON COLUMN public.user_logins.device_type IS 'As sent: android, ios, …';
COMMENT ON COLUMN public.user_logins.masked_ip IS
    'Pseudonym of the IP address: hex of HMAC-SHA-256 under the salt, of "ip", a zero byte and the normal form';
COMMENT ON COLUMN public.user_logins.masked_device_id IS
    'Pseudonym of the device: hex of HMAC-SHA-256 under the salt, of "device_id", a zero byte and the id as sent';
COMMENT ON COLUMN public.user_logins.locale IS 'As sent; null where the event had none';
COMMENT ON COLUMN public.user_logins.app_version_name IS 'app_version as sent';
COMMENT ON COLUMN public.user_logins.written_at IS 'When the transaction that wrote the row began';

-- Default partition: holds rows whose month has no partition yet.
CREATE TABLE public.user_logins_default PARTITION OF public.user_logins DEFAULT;
COMMENT ON TABLE public.user_logins_default IS 'Logins of months without a partition; create_login_partitions() moves them out';
