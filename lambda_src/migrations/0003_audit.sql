-- The record of what operators did by hand. audit.refuse_change() keeps it append-only against mistakes: the owner can turn
-- that off. The hashes make each entry depend on all before it: with one that was written down elsewhere, any change shows.
CREATE SCHEMA audit;
COMMENT ON SCHEMA audit IS 'What operators did by hand';

CREATE TABLE audit.entries (
    id             bigint      PRIMARY KEY,
    at             timestamptz NOT NULL,
    action         text        NOT NULL CHECK (action IN (
        'recover', 'link', 'forget', 'retention', 'export', 'archive', 'restore', 'erase', 'salt', 'show')),
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
COMMENT ON TABLE audit.entries IS 'One row per action of an operator; audit.append() adds them';
COMMENT ON COLUMN audit.entries.id IS 'Number of the entry: from 1 on, without gaps';
COMMENT ON COLUMN audit.entries.at IS 'When, by the server''s clock';
COMMENT ON COLUMN audit.entries.action IS
    'recover, link, forget, retention, export (logins read for an archive), archive (the archive is complete), restore, '
    'erase (logins left the files of archives), salt (created or rotated) or show (dead letters)';
COMMENT ON COLUMN audit.entries.actor IS
    'Who: the ARN that AWS gives the caller, as the command line reports it; CloudTrail knows it independently';
COMMENT ON COLUMN audit.entries.role IS 'Database role of the session';
COMMENT ON COLUMN audit.entries.request_id IS
    'Request id of the operator function''s invocation, as in CloudTrail and the function''s log; null without it';
COMMENT ON COLUMN audit.entries.reason IS 'Why, in the operator''s words';
COMMENT ON COLUMN audit.entries.basis IS 'Legal basis (GDPR article 6(1)) of a recovery';
COMMENT ON COLUMN audit.entries.subject IS
    'What: a pseudonym (recover), the new salt version (link), a keyed hash of the user id (forget, erase), create or rotate (salt), '
    'the queue (show), months (the others)';
COMMENT ON COLUMN audit.entries.salt_version IS 'The old version of the salt (link); null else';
COMMENT ON COLUMN audit.entries.counts IS 'How many rows of what';
COMMENT ON COLUMN audit.entries.transaction_id IS 'The transaction that wrote it: what opens the vault sees whether it is committed';
COMMENT ON COLUMN audit.entries.hash IS 'SHA-256 of the hash of the entry before (of the first: nothing) and this one''s line';

-- Entries of erasures name a person by HMAC-SHA-256 with this key. It is not the salt: a lost version of the salt does
-- not hide who was forgotten. audit.hash_person() alone reads it.
CREATE TABLE audit.person_key (
    is_only   boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    inner_pad bytea   NOT NULL,
    outer_pad bytea   NOT NULL
);
COMMENT ON TABLE audit.person_key IS 'The one key behind the hashes of forgotten people, as RFC 2104 uses it';
COMMENT ON COLUMN audit.person_key.is_only IS 'True: there is one row';
COMMENT ON COLUMN audit.person_key.inner_pad IS 'The key, filled up to 64 bytes, XOR 0x36';
COMMENT ON COLUMN audit.person_key.outer_pad IS 'The key, filled up to 64 bytes, XOR 0x5c';
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
