-- The roles. lambda_src/privileges.py lists their privileges.
-- Roles belong to the whole server. Another database on it, or a concurrent migration, may have made them.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['ingest', 'analyst', 'reader', 'masker', 'remover', 'custodian', 'linker'] LOOP
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
    FOREACH name IN ARRAY ARRAY['ingest', 'reader', 'masker', 'remover', 'custodian', 'linker'] LOOP
        -- An object that somebody else creates in another schema is never used.
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = pg_catalog, pg_temp', name, current_database());
    END LOOP;
    -- A longer wait fails, so that SQS redelivers the batch before Lambda's timeout kills the function.
    EXECUTE format('ALTER ROLE ingest IN DATABASE %I SET lock_timeout = %L', current_database(), '5s');
    EXECUTE format('ALTER ROLE ingest IN DATABASE %I SET statement_timeout = %L', current_database(), '20s');
    -- A function that was killed could keep its locks, and each redelivery would wait for them.
    EXECUTE format('ALTER ROLE ingest IN DATABASE %I SET idle_in_transaction_session_timeout = %L',
                   current_database(), '60s');
    -- While an operator waits for a lock, the function queues behind it. This limits that wait.
    FOREACH name IN ARRAY ARRAY['reader', 'masker', 'remover', 'custodian', 'linker'] LOOP
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET lock_timeout = %L', name, current_database(), '4s');
        -- The longest time that a Lambda function may run.
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET statement_timeout = %L', name, current_database(), '15min');
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET idle_in_transaction_session_timeout = %L', name,
                       current_database(), '60s');
    END LOOP;
    -- An abandoned query must not block the dropping of partitions. A role can change its own settings.
    EXECUTE format('ALTER ROLE analyst IN DATABASE %I SET statement_timeout = %L', current_database(), '10min');
    EXECUTE format('ALTER ROLE analyst IN DATABASE %I SET idle_in_transaction_session_timeout = %L',
                   current_database(), '5min');
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the migration may not make or alter the roles ingest, analyst, reader, masker, remover, custodian and linker'
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Run it as a superuser, as the master user of RDS, or as a role with CREATEROLE that owns the database.';
END $$;
