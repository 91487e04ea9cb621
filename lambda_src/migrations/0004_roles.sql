-- Roles belong to the whole server: another database of it, or another migration at this moment, may have made them.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['ingest', 'analyst'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        -- On RDS, members of rds_iam log in with an IAM token.
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
            EXECUTE format('GRANT rds_iam TO %I', name);
        END IF;
    END LOOP;
END $$;

-- What the write needs, and not one privilege more. ON CONFLICT without a target needs no SELECT.
GRANT INSERT ON user_logins TO ingest;
GRANT INSERT ON rejected_logins TO ingest;
GRANT SELECT (event_id, times), UPDATE (message_id, reason, field, last_seen, times) ON rejected_logins TO ingest;

GRANT SELECT ON user_logins, rejected_logins, shared_ips, shared_devices, daily_logins TO analyst;

REVOKE EXECUTE ON FUNCTION create_login_partitions(date, integer) FROM PUBLIC;
