-- The tables of the first version. Times are microseconds since 1970, ids have 16 bytes, hashes 32.

-- 'HFmt': tells this database from those of other programs.
PRAGMA application_id = 1212575092;

CREATE TABLE server (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    id          BLOB NOT NULL,
    name        TEXT NOT NULL,
    created     INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
    key         TEXT PRIMARY KEY,
    value       TEXT NOT NULL
) STRICT;

-- name_key is the name in lower case.
CREATE TABLE administrators (
    name_key      TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    must_change   INTEGER NOT NULL CHECK (must_change IN (0, 1)),
    created       INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id          BLOB PRIMARY KEY,
    name_key    TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    created     INTEGER NOT NULL
) STRICT;

CREATE TABLE vaults (
    id            BLOB PRIMARY KEY,
    user_id       BLOB NOT NULL REFERENCES users (id),
    custody       TEXT NOT NULL,
    state         TEXT NOT NULL,
    created       INTEGER NOT NULL,
    next_sequence INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX vaults_open ON vaults (user_id) WHERE state = 'open';
CREATE INDEX vaults_user ON vaults (user_id);

CREATE TABLE devices (
    id                BLOB PRIMARY KEY,
    user_id           BLOB NOT NULL REFERENCES users (id),
    vault_id          BLOB REFERENCES vaults (id),
    name              TEXT NOT NULL,
    os                TEXT NOT NULL,
    recipient         TEXT,
    secret_hash       BLOB,
    state             TEXT NOT NULL,
    created           INTEGER NOT NULL,
    last_seen         INTEGER,
    counter_confirmed INTEGER,
    counter_given     INTEGER
) STRICT;
CREATE INDEX devices_user ON devices (user_id);

CREATE TABLE tokens (
    id          BLOB PRIMARY KEY,
    user_id     BLOB NOT NULL REFERENCES users (id),
    secret_hash BLOB NOT NULL UNIQUE,
    created     INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    used        INTEGER,
    used_by     BLOB REFERENCES devices (id)
) STRICT;
CREATE INDEX tokens_user ON tokens (user_id);

CREATE TABLE leases (
    id          BLOB PRIMARY KEY,
    vault_id    BLOB NOT NULL REFERENCES vaults (id),
    device_id   BLOB NOT NULL REFERENCES devices (id),
    set_id      BLOB NOT NULL,
    epoch       INTEGER NOT NULL,
    counter     INTEGER NOT NULL,
    state       TEXT NOT NULL,
    granted     INTEGER NOT NULL,
    deadline    INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX leases_live ON leases (device_id, set_id) WHERE state = 'live';
CREATE INDEX leases_live_vault ON leases (vault_id, epoch) WHERE state = 'live';
CREATE INDEX leases_deadline ON leases (deadline);

CREATE TABLE snapshots (
    id           BLOB PRIMARY KEY,
    vault_id     BLOB NOT NULL REFERENCES vaults (id),
    device_id    BLOB NOT NULL REFERENCES devices (id),
    set_id       BLOB NOT NULL,
    sequence     INTEGER NOT NULL,
    received     INTEGER NOT NULL,
    files        INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    stored_bytes INTEGER NOT NULL,
    findings     INTEGER NOT NULL,
    complete     INTEGER NOT NULL CHECK (complete IN (0, 1)),
    record_hash  BLOB NOT NULL,
    deleted      INTEGER,
    deleted_by   TEXT,
    CHECK ((deleted IS NULL) = (deleted_by IS NULL))
) STRICT;
CREATE INDEX snapshots_vault ON snapshots (vault_id, sequence);
CREATE INDEX snapshots_set ON snapshots (vault_id, set_id, sequence);
CREATE INDEX snapshots_device ON snapshots (vault_id, device_id, sequence);

CREATE TABLE cleanups (
    vault_id    BLOB PRIMARY KEY REFERENCES vaults (id),
    started     INTEGER NOT NULL,
    finished    INTEGER,
    report      TEXT
) STRICT;
