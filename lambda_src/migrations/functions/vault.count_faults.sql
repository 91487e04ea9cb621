CREATE OR REPLACE FUNCTION vault.count_faults() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN (SELECT count(*) FROM vault.inbox_faults f);
COMMENT ON FUNCTION vault.count_faults() IS 'How many batches of the inbox were set aside';
