-- Where users and devices stand: state, since when, and for what is deleted where it stood before. Machines that were
-- replaced, tokens that replace them, and tokens of administrators.

ALTER TABLE users ADD COLUMN state TEXT NOT NULL DEFAULT 'active';
ALTER TABLE users ADD COLUMN state_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN state_before TEXT;
UPDATE users SET state_since = created;

ALTER TABLE devices ADD COLUMN state_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN state_before TEXT;
-- Hashes of 32 bytes, one behind the other.
ALTER TABLE devices ADD COLUMN former_secrets BLOB NOT NULL DEFAULT x'';
ALTER TABLE devices ADD COLUMN last_backup INTEGER;
UPDATE devices SET
    state_since = created,
    last_backup = (SELECT MAX(received) FROM snapshots WHERE device_id = devices.id AND complete = 1);

ALTER TABLE tokens ADD COLUMN replaces BLOB REFERENCES devices (id);

CREATE TABLE admin_tokens (
    id          BLOB PRIMARY KEY,
    name_key    TEXT NOT NULL REFERENCES administrators (name_key),
    label       TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    created     INTEGER NOT NULL,
    expires     INTEGER,
    last_used   INTEGER
) STRICT;
