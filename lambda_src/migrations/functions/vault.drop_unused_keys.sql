CREATE OR REPLACE FUNCTION vault.drop_unused_keys() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dropped integer;
BEGIN
    -- A data key and its originals are written in one transaction, so a visible key without originals is no longer used.
    DELETE FROM vault.data_keys k WHERE NOT EXISTS (SELECT FROM vault.originals o WHERE o.data_key = k.id);
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;
COMMENT ON FUNCTION vault.drop_unused_keys() IS 'Removes data keys without originals; returns their number';
