CREATE OR REPLACE FUNCTION public.register_salt(version integer, fingerprint text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Of two concurrent first uses, the second waits for the first transaction, and then reads its row.
    INSERT INTO public.salt_versions (version, fingerprint) VALUES (register_salt.version, register_salt.fingerprint)
    ON CONFLICT DO NOTHING;
    RETURN (SELECT s.fingerprint = register_salt.fingerprint FROM public.salt_versions s
            WHERE s.version = register_salt.version);
END $$;
COMMENT ON FUNCTION public.register_salt(integer, text) IS
    'Registers the first use of a version of the salt; returns whether the fingerprint equals that of the first use';
