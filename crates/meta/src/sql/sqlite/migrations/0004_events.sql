-- The event log of each device. number is the server's, sequence the device's own; happened is by the clock of whoever
-- told of the event.

CREATE TABLE events (
    device_id   BLOB NOT NULL REFERENCES devices (id),
    number      INTEGER NOT NULL,
    received    INTEGER NOT NULL,
    source      TEXT NOT NULL,
    sequence    INTEGER,
    happened    INTEGER NOT NULL,
    code        TEXT NOT NULL,
    params      TEXT NOT NULL,
    PRIMARY KEY (device_id, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX events_sequence ON events (device_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX events_received ON events (received);
