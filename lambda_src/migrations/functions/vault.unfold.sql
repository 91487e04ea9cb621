-- Moves only originals whose pseudonym a login has. An event that is redelivered after a rotation is a duplicate: no row has
-- its new pseudonyms. A person may also have been erased since. The days limit the search to the batch's own partitions.
-- A batch that cannot be moved is set aside, so that it does not block the others.
CREATE OR REPLACE FUNCTION vault.unfold(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    batch vault.inbox;
    seen  integer := 0;
    moved integer;
    move  text := format($sql$
        WITH sealed AS (
            SELECT * FROM unnest(string_to_array($1, ','), string_to_array($2, ',')) AS s (pseudonym, box)
        ), stored AS (
            INSERT INTO vault.originals (pseudonym, salt_version, data_key, sealed)
            SELECT s.pseudonym, $3, $4, decode(s.box, 'base64') FROM sealed s WHERE NOT (%s)
            ON CONFLICT DO NOTHING RETURNING 1
        ), opened AS (
            INSERT INTO vault.data_keys (id, wrapped, public_key, created_at)
            SELECT $4, $5, $6, $7 WHERE EXISTS (SELECT FROM stored)
            ON CONFLICT DO NOTHING
        )
        SELECT count(*) FROM sealed
        $sql$, public.without_login('s.pseudonym', 'l.create_date BETWEEN $8 AND $9'));
BEGIN
    PERFORM audit.lock_removals();
    FOR batch IN SELECT * FROM vault.inbox ORDER BY number LOOP
        BEGIN
            IF cardinality(string_to_array(batch.pseudonyms, ',')) <> cardinality(string_to_array(batch.boxes, ',')) THEN
                RAISE EXCEPTION USING ERRCODE = 'data_exception', MESSAGE = 'not one box for each pseudonym';
            END IF;
            EXECUTE move INTO moved
            USING batch.pseudonyms, batch.boxes, batch.salt_version, batch.data_key, batch.wrapped, batch.public_key,
                  batch.created_at, batch.first_day, batch.last_day;
        EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded THEN
            INSERT INTO vault.inbox_faults (number, reason, last_day, batch)
            VALUES (batch.number, SQLSTATE, batch.last_day, to_jsonb(batch));
            moved := 0;
        END;
        DELETE FROM vault.inbox i WHERE i.number = batch.number;
        seen := seen + moved;
        EXIT WHEN seen >= most;
    END LOOP;
    RETURN seen;
END $$;
COMMENT ON FUNCTION vault.unfold(integer) IS
    'Moves batches of the inbox, the oldest first, to data_keys and originals, up to the given number of pseudonyms; returns '
    'how many it moved';
