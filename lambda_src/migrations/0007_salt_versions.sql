-- The key of each version of the salt. After the parameter is deleted and re-created, versions start at 1 with another key.
CREATE TABLE public.salt_versions (
    version     integer     PRIMARY KEY,
    fingerprint text        NOT NULL,
    first_used  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.salt_versions IS 'One row per version of the salt that was used here';
COMMENT ON COLUMN public.salt_versions.version IS 'As in user_logins.salt_version';
COMMENT ON COLUMN public.salt_versions.fingerprint IS 'HMAC of a constant under the salt: distinguishes keys without revealing them';
COMMENT ON COLUMN public.salt_versions.first_used IS 'When it was registered';
