-- Operators: their roles, and the record of what they did by hand.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['operator', 'custodian'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I LOGIN', name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
            EXECUTE format('GRANT rds_iam TO %I', name);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', name);
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
        -- What an operator waits for must not make the function wait behind it for long.
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET lock_timeout = %L', name, current_database(), '4s');
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the migration may not make or alter the roles operator and custodian'
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Run it as a superuser, as the master user of RDS, or as a role with CREATEROLE that owns the database.';
END $$;

CREATE SCHEMA audit;
COMMENT ON SCHEMA audit IS 'What operators did by hand';

CREATE TABLE audit.entries (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    action         text        NOT NULL
        CHECK (action IN ('recover', 'link', 'forget', 'retention', 'archive', 'restore')),
    actor          text        NOT NULL CHECK (actor <> ''),
    role           name        NOT NULL DEFAULT session_user,
    request_id     text,
    reason         text        NOT NULL CHECK (trim(reason) <> ''),
    basis          text        CHECK (action <> 'recover' OR basis <> ''),
    subject        text        NOT NULL,
    salt_version   integer,
    counts         jsonb       NOT NULL DEFAULT '{}',
    transaction_id xid8        NOT NULL DEFAULT pg_current_xact_id(),
    CHECK (action <> 'recover' OR basis IS NOT NULL)
);
COMMENT ON TABLE audit.entries IS 'One row per action of an operator; rows are only ever added';
COMMENT ON COLUMN audit.entries.id IS 'Number of the entry';
COMMENT ON COLUMN audit.entries.at IS 'When, by the server''s clock';
COMMENT ON COLUMN audit.entries.action IS 'recover, link, forget, retention, archive or restore';
COMMENT ON COLUMN audit.entries.actor IS
    'Who: the ARN that AWS gives the caller, as the command line reports it; CloudTrail knows it independently';
COMMENT ON COLUMN audit.entries.role IS 'Database role of the session';
COMMENT ON COLUMN audit.entries.request_id IS
    'Request id of the operator function''s invocation, as in CloudTrail and the function''s log; null without it';
COMMENT ON COLUMN audit.entries.reason IS 'Why, in the operator''s words';
COMMENT ON COLUMN audit.entries.basis IS 'Legal basis (GDPR article 6(1)) of a recovery';
COMMENT ON COLUMN audit.entries.subject IS
    'What: a pseudonym (recover), the new salt version (link), a keyed hash of the user id (forget), months (the others)';
COMMENT ON COLUMN audit.entries.salt_version IS
    'Version of the salt behind subject (forget); the old version (link); null else';
COMMENT ON COLUMN audit.entries.counts IS 'How many rows of what';
COMMENT ON COLUMN audit.entries.transaction_id IS 'The transaction that wrote it: what opens the vault sees whether it is committed';

CREATE FUNCTION audit.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit.entries is append-only';
END $$;
COMMENT ON FUNCTION audit.refuse_change() IS 'Keeps audit.entries append-only, for its owner too';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

GRANT USAGE ON SCHEMA audit TO operator, custodian;
GRANT SELECT, INSERT (action, actor, request_id, reason, basis, subject, salt_version, counts)
    ON audit.entries TO operator, custodian;
GRANT SELECT ON user_logins, user_logins_default, rejected_logins, shared_ips, shared_devices, daily_logins, schema_migrations TO operator;
