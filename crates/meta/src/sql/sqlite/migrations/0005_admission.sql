-- Places of devices that wait to back up, in the order of their numbers, and what a user may store.

CREATE TABLE waiting (
    device_id   BLOB PRIMARY KEY REFERENCES devices (id),
    number      INTEGER NOT NULL UNIQUE,
    asked       INTEGER NOT NULL
) STRICT;

-- Null: what the user's policy says. 0: no limit.
ALTER TABLE users ADD COLUMN quota_bytes INTEGER;
