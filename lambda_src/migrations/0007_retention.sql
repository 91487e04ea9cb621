-- How logins leave: a person's, on request; a month's, by age or into an archive. Each with its entry in the audit table.

-- One at a time: they take locks in different orders.
CREATE FUNCTION audit.lock_removals() RETURNS void
LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock(hashtext('login-pipeline removals')) $$;
COMMENT ON FUNCTION audit.lock_removals() IS 'Makes removals of logins wait for each other';

CREATE FUNCTION forget_user(
    forgotten text, hashed text, hash_version integer, who text, request text, why text,
    OUT logins bigint, OUT originals bigint, OUT links bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    pseudonyms text[];
BEGIN
    PERFORM audit.lock_removals();
    -- From here on no batch can find an original in the vault that is about to go, and leave its own out.
    LOCK TABLE vault.originals IN SHARE ROW EXCLUSIVE MODE;
    WITH gone AS (
        DELETE FROM user_logins WHERE user_id = forgotten RETURNING masked_ip, masked_device_id
    ), counted AS (
        SELECT count(*) AS n FROM gone
    ), named AS (
        SELECT masked_ip AS pseudonym FROM gone UNION SELECT masked_device_id FROM gone
    )
    SELECT (SELECT n FROM counted), coalesce((SELECT array_agg(pseudonym) FROM named), '{}') INTO logins, pseudonyms;

    -- The same originals under other salts.
    SELECT array_agg(DISTINCT pseudonym) INTO pseudonyms FROM (
        SELECT unnest(pseudonyms)
        UNION SELECT l.new FROM pseudonym_links l WHERE l.old = ANY (pseudonyms)
        UNION SELECT l.old FROM pseudonym_links l WHERE l.new = ANY (pseudonyms)
        UNION SELECT other.old FROM pseudonym_links l JOIN pseudonym_links other ON other.new = l.new
              WHERE l.old = ANY (pseudonyms)
    ) AS same (pseudonym);
    -- Those in no login any more: nobody else shares them.
    SELECT coalesce(array_agg(p), '{}') INTO pseudonyms FROM unnest(pseudonyms) AS p
    WHERE NOT EXISTS (SELECT FROM user_logins l WHERE l.masked_ip = p)
          AND NOT EXISTS (SELECT FROM user_logins l WHERE l.masked_device_id = p);

    DELETE FROM vault.originals o WHERE o.pseudonym = ANY (pseudonyms);
    GET DIAGNOSTICS originals = ROW_COUNT;
    DELETE FROM pseudonym_links l WHERE l.old = ANY (pseudonyms);
    GET DIAGNOSTICS links = ROW_COUNT;
    INSERT INTO audit.entries (action, actor, request_id, reason, subject, salt_version, counts)
    VALUES ('forget', who, request, why, hashed, hash_version,
            jsonb_build_object('logins', logins, 'originals', originals, 'links', links));
END $$;
COMMENT ON FUNCTION forget_user(text, text, integer, text, text, text) IS
    'Removes a user''s logins, and the originals and links that no other login shares; returns how many of each';

CREATE FUNCTION login_months() RETURNS TABLE (month date, partition regclass)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT to_date(right(c.relname, 7), 'YYYY_MM'), c.oid::regclass
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'user_logins'::regclass AND c.relname ~ '^user_logins_\d{4}_\d{2}$'
    ORDER BY 1
$$;
COMMENT ON FUNCTION login_months() IS 'The monthly partitions of user_logins';

CREATE FUNCTION drop_old_logins(keep_from date, dry_run boolean, who text, request text, why text)
RETURNS TABLE (month date, logins bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    old   record;
    total bigint := 0;
    months integer := 0;
BEGIN
    IF keep_from > date_trunc('month', now() AT TIME ZONE 'UTC') THEN
        RAISE EXCEPTION 'the logins of the current month are always kept';
    END IF;
    PERFORM audit.lock_removals();
    FOR old IN SELECT m.month, m.partition FROM login_months() m WHERE m.month < date_trunc('month', keep_from) LOOP
        month := old.month;
        EXECUTE format('SELECT count(*) FROM %s', old.partition) INTO logins;
        IF NOT dry_run THEN
            EXECUTE format('DROP TABLE %s', old.partition);
        END IF;
        total := total + logins;
        months := months + 1;
        RETURN NEXT;
    END LOOP;
    -- What lies in the net, in months that no partition was made for.
    month := NULL;
    SELECT count(*) INTO logins FROM user_logins_default d WHERE d.create_date < date_trunc('month', keep_from);
    IF logins > 0 THEN
        IF NOT dry_run THEN
            DELETE FROM user_logins_default d WHERE d.create_date < date_trunc('month', keep_from);
        END IF;
        total := total + logins;
        RETURN NEXT;
    END IF;
    IF NOT dry_run THEN
        DELETE FROM rejected_logins r WHERE r.last_seen < date_trunc('month', keep_from);
        IF total > 0 OR months > 0 THEN
            INSERT INTO audit.entries (action, actor, request_id, reason, subject, counts)
            VALUES ('retention', who, request, why, 'before ' || to_char(keep_from, 'YYYY-MM'),
                    jsonb_build_object('logins', total, 'partitions', months));
        END IF;
    END IF;
END $$;
COMMENT ON FUNCTION drop_old_logins(date, boolean, text, text, text) IS
    'Drops the months before that of the date, rejects included; returns each month and its logins (null: of no partition)';

-- The scan runs without the lock; only the few rows that it finds are looked at again under it.
CREATE FUNCTION vault.drop_orphans(most integer, OUT originals integer, OUT links integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found text[];
BEGIN
    PERFORM audit.lock_removals();
    SELECT coalesce(array_agg(pseudonym), '{}') INTO found FROM (
        SELECT o.pseudonym FROM vault.originals o
        WHERE NOT EXISTS (SELECT FROM user_logins l WHERE l.masked_ip = o.pseudonym)
              AND NOT EXISTS (SELECT FROM user_logins l WHERE l.masked_device_id = o.pseudonym)
        UNION
        SELECT k.old FROM pseudonym_links k
        WHERE NOT EXISTS (SELECT FROM user_logins l WHERE l.masked_ip = k.old)
              AND NOT EXISTS (SELECT FROM user_logins l WHERE l.masked_device_id = k.old)
        LIMIT most
    ) AS orphans;
    LOCK TABLE vault.originals IN SHARE ROW EXCLUSIVE MODE;
    SELECT coalesce(array_agg(p), '{}') INTO found FROM unnest(found) AS p
    WHERE NOT EXISTS (SELECT FROM user_logins l WHERE l.masked_ip = p)
          AND NOT EXISTS (SELECT FROM user_logins l WHERE l.masked_device_id = p);
    DELETE FROM vault.originals o WHERE o.pseudonym = ANY (found);
    GET DIAGNOSTICS originals = ROW_COUNT;
    DELETE FROM pseudonym_links l WHERE l.old = ANY (found);
    GET DIAGNOSTICS links = ROW_COUNT;
END $$;
COMMENT ON FUNCTION vault.drop_orphans(integer) IS
    'Removes originals and links that no login has any more, at most so many; returns how many of each';

CREATE FUNCTION vault.drop_unused_keys() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    dropped integer;
BEGIN
    -- A data key and its originals are written in one transaction: a key that is seen without any is used no more.
    DELETE FROM vault.data_keys k WHERE NOT EXISTS (SELECT FROM vault.originals o WHERE o.data_key = k.id);
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;
COMMENT ON FUNCTION vault.drop_unused_keys() IS 'Removes data keys that seal nothing any more; returns how many';

CREATE FUNCTION login_line(login user_logins) RETURNS text
LANGUAGE sql STABLE RETURN (to_jsonb(login) - 'written_at')::text;
COMMENT ON FUNCTION login_line(user_logins) IS
    'A login as a line of an archive, as JSON; without written_at: a row that is brought back is written anew';

CREATE FUNCTION line_checksum(line text) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ('x' || left(encode(sha256(convert_to(line, 'UTF8')), 'hex'), 16))::bit(64)::bigint;
COMMENT ON FUNCTION line_checksum(text) IS
    'First 8 bytes of the SHA-256 of a line as a signed number; the sum over an archive is its checksum in any order';

CREATE FUNCTION drop_archived_logins(
    archived date, expected bigint, expected_checksum numeric, target text, who text, request text, why text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name     text := to_char(archived, '"user_logins_"YYYY"_"MM');
    found    bigint;
    checksum numeric;
BEGIN
    IF archived >= date_trunc('month', now() AT TIME ZONE 'UTC') THEN
        RAISE EXCEPTION 'the logins of the current month are always kept';
    END IF;
    PERFORM audit.lock_removals();
    PERFORM create_login_partitions(archived, 1);  -- moves what lies in the net
    EXECUTE format('LOCK TABLE %I IN SHARE MODE', name);
    SELECT count(*), coalesce(sum(line_checksum(login_line(l))), 0) INTO found, checksum FROM user_logins l
    WHERE l.create_date >= archived AND l.create_date < archived + interval '1 month';
    IF found <> expected OR checksum <> expected_checksum THEN
        RAISE EXCEPTION 'the month has changed since it was archived (% logins, % archived): archive it again',
                        found, expected;
    END IF;
    EXECUTE format('DROP TABLE %I', name);
    INSERT INTO audit.entries (action, actor, request_id, reason, subject, counts)
    VALUES ('archive', who, request, why, to_char(archived, 'YYYY-MM'),
            jsonb_build_object('logins', found, 'target', target));
END $$;
COMMENT ON FUNCTION drop_archived_logins(date, bigint, numeric, text, text, text, text) IS
    'Drops a month if it holds exactly the logins that were archived: their number and checksum';

-- The partitions belong to the owner of the tables: whoever may make them does so as the owner.
ALTER FUNCTION create_login_partitions(date, integer) SECURITY DEFINER SET search_path = public, pg_temp;

REVOKE EXECUTE ON FUNCTION
    forget_user(text, text, integer, text, text, text), drop_old_logins(date, boolean, text, text, text),
    drop_archived_logins(date, bigint, numeric, text, text, text, text),
    vault.drop_orphans(integer), vault.drop_unused_keys() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    forget_user(text, text, integer, text, text, text), drop_old_logins(date, boolean, text, text, text),
    drop_archived_logins(date, bigint, numeric, text, text, text, text),
    vault.drop_orphans(integer), vault.drop_unused_keys(), create_login_partitions(date, integer) TO operator;
-- To bring an archive back.
GRANT INSERT ON user_logins TO operator;
