CREATE OR REPLACE FUNCTION vault.drop_unused_keys() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dropped integer;
BEGIN
    -- A data key and its originals are written in one transaction: a key that is seen without any is used no more.
    DELETE FROM vault.data_keys k WHERE NOT EXISTS (SELECT FROM vault.originals o WHERE o.data_key = k.id);
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;
COMMENT ON FUNCTION vault.drop_unused_keys() IS 'Removes data keys that seal nothing any more; returns how many';
