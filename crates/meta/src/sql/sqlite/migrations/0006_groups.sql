-- Groups of users and what each sets of its policy, as a JSON object of the fields that are set. Everybody who was there
-- before is in the group whose id is zeros, which is always there.

CREATE TABLE groups (
    id          BLOB PRIMARY KEY,
    name_key    TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    created     INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    policy      TEXT NOT NULL
) STRICT;
INSERT INTO groups (id, name_key, name, created, changed, policy)
VALUES (x'00000000000000000000000000000000', 'default', 'default', 0, 0, '{}');

ALTER TABLE users ADD COLUMN group_id BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';
CREATE INDEX users_group ON users (group_id);
