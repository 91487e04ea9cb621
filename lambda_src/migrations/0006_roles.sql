-- Roles belong to the whole server: another database of it, or another migration at this moment, may have made them.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['ingest', 'analyst', 'operator', 'custodian'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I LOGIN', name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        -- On RDS, members of rds_iam log in with an IAM token.
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
            EXECUTE format('GRANT rds_iam TO %I', name);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', name);
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['ingest', 'operator', 'custodian'] LOOP
        -- Nothing that somebody else puts into another schema is ever found.
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = pg_catalog, pg_temp', name, current_database());
    END LOOP;
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO ingest', current_database());
    -- A write that waits this long is better tried again by the queue than killed with its function.
    EXECUTE format('ALTER ROLE ingest IN DATABASE %I SET lock_timeout = %L', current_database(), '5s');
    EXECUTE format('ALTER ROLE ingest IN DATABASE %I SET statement_timeout = %L', current_database(), '20s');
    -- A function that is gone without a word would keep its locks, and each redelivery waits for them.
    EXECUTE format('ALTER ROLE ingest IN DATABASE %I SET idle_in_transaction_session_timeout = %L',
                   current_database(), '60s');
    -- What an operator waits for must not make the function wait behind it for long.
    EXECUTE format('ALTER ROLE operator IN DATABASE %I SET lock_timeout = %L', current_database(), '4s');
    EXECUTE format('ALTER ROLE custodian IN DATABASE %I SET lock_timeout = %L', current_database(), '4s');
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the migration may not make or alter the roles ingest, analyst, operator and custodian'
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Run it as a superuser, as the master user of RDS, or as a role with CREATEROLE that owns the database.';
END $$;

GRANT USAGE ON SCHEMA vault TO ingest, custodian, operator;
GRANT USAGE ON SCHEMA audit TO operator, custodian;

-- What the write needs, and not one privilege more. ON CONFLICT without a target needs no SELECT.
GRANT INSERT ON public.user_logins, public.rejected_logins TO ingest;
-- ON CONFLICT DO UPDATE needs SELECT on its target and on each column that it reads from `excluded`.
GRANT SELECT (event_id, message_id, reason, field, last_seen, times) ON public.rejected_logins TO ingest;
GRANT UPDATE (message_id, reason, field, last_seen, times) ON public.rejected_logins TO ingest;
-- The function puts in and never takes out.
GRANT INSERT ON vault.inbox TO ingest;

GRANT SELECT ON public.user_logins, public.rejected_logins, public.pseudonym_links, public.counted_ips,
    public.counted_devices TO analyst, operator;
GRANT SELECT ON public.user_logins_default, public.schema_migrations TO operator;
-- To bring an archive back.
GRANT INSERT ON public.user_logins TO operator;
GRANT SELECT, INSERT (action, actor, request_id, reason, basis, subject, salt_version, counts)
    ON audit.entries TO operator, custodian;
