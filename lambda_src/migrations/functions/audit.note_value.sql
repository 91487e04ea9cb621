-- Counting and writing are one step under one lock: of two callers at once, one gets the last value. What is counted is
-- the role of the session: a caller can give any name.
CREATE OR REPLACE FUNCTION audit.note_value(
    action text, who text, request text, why text, field text,
    OUT entry bigint, OUT per_hour integer, OUT free_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF action NOT IN ('mask', 'lookup') THEN
        RAISE EXCEPTION 'no value is asked for by the action %', action USING ERRCODE = 'insufficient_privilege';
    END IF;
    LOCK TABLE audit.entries IN SHARE ROW EXCLUSIVE MODE;
    SELECT l.per_hour INTO STRICT per_hour FROM audit.value_limit l;
    SELECT e.at + interval '1 hour' INTO free_at FROM audit.entries e
    WHERE e.role = session_user AND e.action IN ('mask', 'lookup') AND e.at > clock_timestamp() - interval '1 hour'
    ORDER BY e.at DESC OFFSET per_hour - 1 LIMIT 1;
    IF free_at IS NULL THEN
        entry := audit.append(action, who, request, why, field, counts => '{"values": 1}');
    END IF;
END $$;
COMMENT ON FUNCTION audit.note_value(text, text, text, text, text) IS
    'Adds the entry of one value that is masked or looked up and returns its number; or, where the hour''s values are used '
    'up, null and when the next one is free';
