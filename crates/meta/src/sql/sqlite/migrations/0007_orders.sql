-- What administrators want devices to do once, until a device says what became of it.

CREATE TABLE orders (
    id          BLOB PRIMARY KEY,
    device_id   BLOB NOT NULL REFERENCES devices (id),
    kind        TEXT NOT NULL,
    given       INTEGER NOT NULL,
    given_by    TEXT NOT NULL
) STRICT;
CREATE INDEX orders_device ON orders (device_id, given);
CREATE INDEX orders_given ON orders (given);
