-- What was found damaged or lost in the object store. frame is -1 for all of a pack.

CREATE TABLE damage (
    vault_id    BLOB NOT NULL REFERENCES vaults (id),
    pack_id     BLOB NOT NULL,
    frame       INTEGER NOT NULL CHECK (frame >= -1),
    found       INTEGER NOT NULL,
    PRIMARY KEY (vault_id, pack_id, frame)
) STRICT, WITHOUT ROWID;
