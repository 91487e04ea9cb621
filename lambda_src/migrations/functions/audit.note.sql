-- What a role does by functions of its own (forget_user() and others) has its entry from there: no role can write one
-- without the act.
CREATE OR REPLACE FUNCTION audit.note(
    action text, who text, request text, why text, subject text, basis text DEFAULT NULL,
    salt_version integer DEFAULT NULL, counts jsonb DEFAULT '{}')
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own text[] := CASE session_user
        WHEN 'reader' THEN ARRAY['salt', 'show']
        WHEN 'remover' THEN ARRAY['export', 'archive', 'restore', 'erase']
        WHEN 'custodian' THEN ARRAY['recover']
        WHEN 'linker' THEN ARRAY['link']
        ELSE ARRAY[action]  -- the owner
    END;
BEGIN
    IF action <> ALL (own) THEN
        RAISE EXCEPTION 'the role % writes no entries of the action %', session_user, action
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN audit.append(action, who, request, why, subject, basis, salt_version, counts);
END $$;
COMMENT ON FUNCTION audit.note(text, text, text, text, text, text, integer, jsonb) IS
    'Adds an entry of what the role of the session does, and returns its number; refuses the actions of other roles';
