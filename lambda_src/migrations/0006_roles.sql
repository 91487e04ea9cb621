-- What they may do stands in lambda_src/privileges.py.
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
    END LOOP;
    FOREACH name IN ARRAY ARRAY['ingest', 'operator', 'custodian'] LOOP
        -- Nothing that somebody else puts into another schema is ever found.
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = pg_catalog, pg_temp', name, current_database());
    END LOOP;
    -- A write that waits this long is better tried again by the queue than killed with its function.
    EXECUTE format('ALTER ROLE ingest IN DATABASE %I SET lock_timeout = %L', current_database(), '5s');
    EXECUTE format('ALTER ROLE ingest IN DATABASE %I SET statement_timeout = %L', current_database(), '20s');
    -- A function that is gone without a word would keep its locks, and each redelivery waits for them.
    EXECUTE format('ALTER ROLE ingest IN DATABASE %I SET idle_in_transaction_session_timeout = %L',
                   current_database(), '60s');
    -- What an operator waits for must not make the function wait behind it for long.
    FOREACH name IN ARRAY ARRAY['operator', 'custodian'] LOOP
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET lock_timeout = %L', name, current_database(), '4s');
        -- As long as a function of Lambda may run.
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET statement_timeout = %L', name, current_database(), '15min');
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET idle_in_transaction_session_timeout = %L', name,
                       current_database(), '60s');
    END LOOP;
    -- What nobody waits for any more must not keep partitions from being dropped. A role can change its own settings.
    EXECUTE format('ALTER ROLE analyst IN DATABASE %I SET statement_timeout = %L', current_database(), '10min');
    EXECUTE format('ALTER ROLE analyst IN DATABASE %I SET idle_in_transaction_session_timeout = %L',
                   current_database(), '5min');
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the migration may not make or alter the roles ingest, analyst, operator and custodian'
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Run it as a superuser, as the master user of RDS, or as a role with CREATEROLE that owns the database.';
END $$;
