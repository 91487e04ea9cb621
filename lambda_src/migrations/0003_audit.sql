-- The record of manual actions of operators. audit.refuse_change() keeps it append-only. That prevents mistakes; the owner
-- can turn it off. The hash of each entry depends on all earlier entries: a hash that is stored elsewhere reveals any change.
CREATE SCHEMA audit;
COMMENT ON SCHEMA audit IS 'Manual actions of operators';

CREATE TABLE audit.entries (
    id             bigint      PRIMARY KEY,
    at             timestamptz NOT NULL,
    action         text        NOT NULL CHECK (action IN (
        'recover', 'link', 'mask', 'lookup', 'forget', 'retention', 'export', 'archive', 'restore', 'erase', 'salt',
        'show')),
    actor          text        NOT NULL CHECK (actor <> ''),
    role           name        NOT NULL,
    request_id     text,
    reason         text        NOT NULL CHECK (trim(reason) <> ''),
    basis          text        CHECK (action <> 'recover' OR basis <> ''),
    subject        text        NOT NULL,
    salt_version   integer,
    counts         jsonb       NOT NULL,
    transaction_id xid8        NOT NULL,
    hash           bytea       NOT NULL,
    CHECK (action <> 'recover' OR basis IS NOT NULL)
);
COMMENT ON TABLE audit.entries IS 'One row per action of an operator; audit.append() adds it';
COMMENT ON COLUMN audit.entries.id IS 'Number of the entry: from 1 on, without gaps';
COMMENT ON COLUMN audit.entries.at IS 'Time of the action, by the server''s clock';
COMMENT ON COLUMN audit.entries.action IS
    'recover, link, mask, lookup, forget, retention, export (logins read for an archive), archive (the archive is complete), restore, '
    'erase (logins left the files of archives), salt (created or rotated) or show (dead letters)';
COMMENT ON COLUMN audit.entries.actor IS
    'Who acted: the caller''s ARN in AWS, as the command line reports it; CloudTrail records it independently';
COMMENT ON COLUMN audit.entries.role IS 'Database role of the session';
COMMENT ON COLUMN audit.entries.request_id IS
    'Request id of the operator function''s invocation, as in CloudTrail and the function''s log; null if the function was not used';
COMMENT ON COLUMN audit.entries.reason IS 'Reason that the operator gave';
COMMENT ON COLUMN audit.entries.basis IS 'Legal basis (GDPR article 6(1)) of a recovery';
COMMENT ON COLUMN audit.entries.subject IS
    'Object of the action: a pseudonym (recover), the new salt version (link), the field (mask, lookup), a keyed hash '
    'of the user id (forget, erase), create or rotate (salt), the queue (show), months (the others)';
COMMENT ON COLUMN audit.entries.salt_version IS 'The old version of the salt (link); null for other actions';
COMMENT ON COLUMN audit.entries.counts IS 'Number of affected rows, by kind';
COMMENT ON COLUMN audit.entries.transaction_id IS 'The transaction that wrote the entry; the vault opens only for a committed entry';
COMMENT ON COLUMN audit.entries.hash IS 'SHA-256 of the previous entry''s hash (empty for the first entry) and the line of this entry';

-- audit.note_value() counts the values of the last hour.
CREATE INDEX entries_values ON audit.entries (role, at) WHERE action IN ('mask', 'lookup');

-- In a table, and not in the environment of those whom it limits: only the owner can change it.
CREATE TABLE audit.value_limit (
    is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    per_hour integer NOT NULL CHECK (per_hour > 0)
);
INSERT INTO audit.value_limit (per_hour) VALUES (60);
COMMENT ON TABLE audit.value_limit IS 'How many values may be masked or looked up; audit.note_value() reads it';
COMMENT ON COLUMN audit.value_limit.is_only IS 'True: there is one row';
COMMENT ON COLUMN audit.value_limit.per_hour IS 'Values in any hour, of one database role';

-- Entries of erasures name a person by HMAC-SHA-256 under this key. A separate key is used, so that the entries can still
-- be matched after a version of the salt is lost. Only audit.hash_person() reads it.
CREATE TABLE audit.person_key (
    is_only   boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    inner_pad bytea   NOT NULL,
    outer_pad bytea   NOT NULL
);
COMMENT ON TABLE audit.person_key IS 'The one key of the hashes of erased people, in the form that RFC 2104 uses';
COMMENT ON COLUMN audit.person_key.is_only IS 'Always true, so that there is one row';
COMMENT ON COLUMN audit.person_key.inner_pad IS 'The key, padded to 64 bytes, XOR 0x36';
COMMENT ON COLUMN audit.person_key.outer_pad IS 'The key, padded to 64 bytes, XOR 0x5c';
DO $$
DECLARE
    -- The key: 32 bytes of 488 random bits.
    padded bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                           || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
                    || decode(repeat('00', 32), 'hex');
    inner_pad bytea := padded;
    outer_pad bytea := padded;
BEGIN
    FOR i IN 0 .. 63 LOOP
        inner_pad := set_byte(inner_pad, i, get_byte(padded, i) # 54);
        outer_pad := set_byte(outer_pad, i, get_byte(padded, i) # 92);
    END LOOP;
    INSERT INTO audit.person_key (inner_pad, outer_pad) VALUES (inner_pad, outer_pad);
END $$;
