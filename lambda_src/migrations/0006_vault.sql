-- The vault: originals of the pseudonyms, sealed for a key that the database does not have. Empty unless switched on.
CREATE SCHEMA vault;
COMMENT ON SCHEMA vault IS 'Sealed originals of pseudonyms: no role that reads user_logins reads them';

CREATE TABLE vault.data_keys (
    id         uuid        PRIMARY KEY,
    wrapped    bytea       NOT NULL,
    public_key bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE vault.data_keys IS 'One row per batch that sealed something: its data key, wrapped';
COMMENT ON COLUMN vault.data_keys.id IS 'Random';
COMMENT ON COLUMN vault.data_keys.wrapped IS 'AES-256 key, encrypted by RSAES-OAEP with SHA-256';
COMMENT ON COLUMN vault.data_keys.public_key IS 'SHA-256 of the public key (DER) that it was wrapped with';
COMMENT ON COLUMN vault.data_keys.created_at IS 'When the batch was written';

-- No foreign key to data_keys: its check would cost each new pseudonym as much as the sealing.
CREATE TABLE vault.originals (
    pseudonym    text    PRIMARY KEY,
    salt_version integer NOT NULL,
    data_key     uuid    NOT NULL,
    sealed       bytea   NOT NULL
);
COMMENT ON TABLE vault.originals IS 'One row per pseudonym: what it stands for, sealed';
COMMENT ON COLUMN vault.originals.pseudonym IS 'As in user_logins.masked_ip and masked_device_id';
COMMENT ON COLUMN vault.originals.salt_version IS 'Version of the salt behind the pseudonym';
COMMENT ON COLUMN vault.originals.data_key IS 'The row of data_keys with its key';
COMMENT ON COLUMN vault.originals.sealed IS
    'AES-256-GCM: nonce (12 bytes), ciphertext, tag (16) of what the pseudonym is the HMAC of: ip or device_id, a zero '
    'byte, the value; the pseudonym is the associated data';

CREATE FUNCTION vault.is_login(event uuid, day date, pseudonym text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
RETURN EXISTS (
    SELECT FROM user_logins l
    WHERE l.event_id = event AND l.create_date = day AND pseudonym IN (l.masked_ip, l.masked_device_id)
);
COMMENT ON FUNCTION vault.is_login(uuid, date, text) IS
    'Whether that login has that pseudonym: of an event delivered twice, only what its row holds is sealed';

CREATE TABLE pseudonym_links (
    old         varchar(256) PRIMARY KEY,
    new         varchar(256) NOT NULL,
    old_version integer      NOT NULL,
    new_version integer      NOT NULL,
    linked_at   timestamptz  NOT NULL DEFAULT now(),
    CHECK (old_version < new_version)
);
CREATE INDEX pseudonym_links_new ON pseudonym_links (new);
COMMENT ON TABLE pseudonym_links IS 'Pseudonyms of one original under two salts, so that counts survive a rotation';
COMMENT ON COLUMN pseudonym_links.old IS 'Pseudonym as in the rows';
COMMENT ON COLUMN pseudonym_links.new IS 'Pseudonym of the same original under the newest salt that it was linked to';
COMMENT ON COLUMN pseudonym_links.old_version IS 'Version of the salt behind old';
COMMENT ON COLUMN pseudonym_links.new_version IS 'Version of the salt behind new';
COMMENT ON COLUMN pseudonym_links.linked_at IS 'When it was written';

-- Nothing leaves the vault without an entry in the audit table that is committed: one that could be taken back does not
-- count. The entry names what may be read.
CREATE FUNCTION vault.check_entry(entry bigint, wanted text) RETURNS audit.entries
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found audit.entries;
BEGIN
    SELECT * INTO found FROM audit.entries e
    WHERE e.id = entry AND e.action = wanted AND e.role = session_user AND e.at > now() - interval '1 hour'
          AND pg_xact_status(e.transaction_id) = 'committed';
    IF found.id IS NULL THEN
        RAISE EXCEPTION 'the vault stays shut: no committed audit entry of the last hour says % %', wanted, entry
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN found;
END $$;
COMMENT ON FUNCTION vault.check_entry(bigint, text) IS 'The audit entry of that number and action; refuses without one';

CREATE FUNCTION vault.sealed_original(entry bigint)
RETURNS TABLE (salt_version integer, sealed bytea, wrapped bytea, public_key bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT o.salt_version, o.sealed, k.wrapped, k.public_key
    FROM vault.check_entry(entry, 'recover') e
    JOIN vault.originals o ON o.pseudonym = e.subject
    JOIN vault.data_keys k ON k.id = o.data_key
$$;
COMMENT ON FUNCTION vault.sealed_original(bigint) IS 'What the audit entry of that number asks to recover, sealed';

CREATE FUNCTION vault.sealed_originals(entry bigint, after text, most integer)
RETURNS TABLE (pseudonym text, sealed bytea, data_key uuid, wrapped bytea, public_key bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT o.pseudonym, o.sealed, k.id, k.wrapped, k.public_key
    FROM vault.check_entry(entry, 'link') e
    JOIN vault.originals o ON o.pseudonym > after
         AND (o.salt_version = e.salt_version
              -- What was linked to the old version before: its link goes on to the new one.
              OR EXISTS (SELECT FROM pseudonym_links l WHERE l.old = o.pseudonym AND l.new_version = e.salt_version))
    JOIN vault.data_keys k ON k.id = o.data_key
    ORDER BY o.pseudonym LIMIT most
$$;
COMMENT ON FUNCTION vault.sealed_originals(bigint, text, integer) IS
    'The next sealed originals that the audit entry of that number asks to link, in order of their pseudonyms';

CREATE FUNCTION vault.link_pseudonyms(entry bigint, old_ones text[], new_ones text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    asked   audit.entries := vault.check_entry(entry, 'link');
    written integer;
BEGIN
    INSERT INTO pseudonym_links AS links (old, new, old_version, new_version)
    SELECT o.pseudonym, pair.new, o.salt_version, asked.subject::integer
    FROM unnest(old_ones, new_ones) AS pair (old, new) JOIN vault.originals o ON o.pseudonym = pair.old
    ORDER BY o.pseudonym
    ON CONFLICT (old) DO UPDATE SET new = excluded.new, new_version = excluded.new_version, linked_at = now()
        WHERE links.new_version < excluded.new_version;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;
COMMENT ON FUNCTION vault.link_pseudonyms(bigint, text[], text[]) IS
    'Writes old and new pseudonyms of what the audit entry asks to link; returns how many pairs were new';

CREATE FUNCTION vault.summary() RETURNS TABLE (public_key text, data_keys bigint, newest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT encode(k.public_key, 'hex'), count(*), max(k.created_at) FROM vault.data_keys k GROUP BY k.public_key
$$;
COMMENT ON FUNCTION vault.summary() IS 'For which public keys (SHA-256) the vault was sealed: nothing of what is in it';

-- Logins under the newest pseudonyms that are known for them; without links, the logins as they are.
CREATE VIEW linked_logins AS
SELECT l.event_id, l.create_date, l.app_version, l.salt_version, l.user_id, l.device_type,
       coalesce(ip.new, l.masked_ip) AS masked_ip, coalesce(device.new, l.masked_device_id) AS masked_device_id,
       l.locale, l.app_version_name
FROM user_logins l
LEFT JOIN pseudonym_links ip ON ip.old = l.masked_ip
LEFT JOIN pseudonym_links device ON device.old = l.masked_device_id;
COMMENT ON VIEW linked_logins IS 'user_logins with the newest pseudonyms that salt link knows: comparable across rotations';
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = 'linked_logins'::regclass AND attnum > 0 LOOP
        EXECUTE format('COMMENT ON COLUMN linked_logins.%I IS %L', name, (
            SELECT col_description(attrelid, attnum) FROM pg_attribute
            WHERE attrelid = 'user_logins'::regclass AND attname = name));
    END LOOP;
END $$;

-- shared_ips and shared_devices count linked_logins too, from 0020 on.
CREATE OR REPLACE VIEW daily_logins AS
SELECT create_date, count(*) AS logins, count(DISTINCT user_id) AS users,
       count(DISTINCT masked_device_id) AS devices, count(DISTINCT masked_ip) AS ips
FROM linked_logins
GROUP BY create_date;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA vault FROM PUBLIC;
GRANT USAGE ON SCHEMA vault TO ingest, custodian, operator;
-- The function puts in and never takes out.
GRANT INSERT ON vault.data_keys, vault.originals TO ingest;
GRANT EXECUTE ON FUNCTION vault.is_login(uuid, date, text) TO ingest;
-- The custodian takes out, entry by entry, and does not see the logins.
GRANT EXECUTE ON FUNCTION
    vault.sealed_original(bigint), vault.sealed_originals(bigint, text, integer),
    vault.link_pseudonyms(bigint, text[], text[]), vault.summary() TO custodian;
GRANT EXECUTE ON FUNCTION vault.summary() TO operator;
GRANT SELECT ON linked_logins, pseudonym_links TO analyst, operator;
