-- Events that did not become rows: why and how often. The table never holds their content.
CREATE TABLE public.rejected_logins (
    event_id   uuid        PRIMARY KEY,
    message_id text        NOT NULL,
    reason     varchar(32) NOT NULL,
    field      varchar(64),
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now(),
    times      integer     NOT NULL DEFAULT 1
);
CREATE INDEX rejected_logins_last_seen ON public.rejected_logins (last_seen);

COMMENT ON TABLE public.rejected_logins IS 'One row per rejected event, with the reason. It never holds a value or the payload';
COMMENT ON COLUMN public.rejected_logins.event_id IS 'As in user_logins; made from the messageId if the event_id itself is invalid';
COMMENT ON COLUMN public.rejected_logins.message_id IS 'messageId of the last delivery';
COMMENT ON COLUMN public.rejected_logins.reason IS
    'invalid_json, not_an_object, missing_field, wrong_type, empty, too_long, out_of_range, invalid_ip, '
    'invalid_app_version, invalid_text, invalid_timestamp, invalid_event_id, database or unexpected';
COMMENT ON COLUMN public.rejected_logins.field IS 'The field or message attribute that caused the reject; null if the whole message did';
COMMENT ON COLUMN public.rejected_logins.first_seen IS 'When it was first rejected';
COMMENT ON COLUMN public.rejected_logins.last_seen IS 'When it was last rejected';
COMMENT ON COLUMN public.rejected_logins.times IS 'Number of rejected deliveries';
