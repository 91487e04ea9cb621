-- An audit entry opens the vault for one hour, so older rows are removed.
CREATE OR REPLACE FUNCTION vault.begin_answer(entry bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM vault.answers a WHERE a.begun_at < now() - interval '2 hours';
    INSERT INTO vault.answers (entry, through) VALUES (begin_answer.entry, '') ON CONFLICT DO NOTHING;
    RETURN (SELECT a.through FROM vault.answers a WHERE a.entry = begin_answer.entry FOR UPDATE);
END $$;
COMMENT ON FUNCTION vault.begin_answer(bigint) IS
    'Returns the last pseudonym whose original was given out for an audit entry; other calls wait until this transaction ends';
