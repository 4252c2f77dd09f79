//! Every bound of the protocol, in one place. `docs/protocol.md` lists them; bytes unless the name says otherwise.

/// JSON body of a request.
pub const JSON_BODY: usize = 256 << 10;
/// JSON body of `POST /activate`, which anybody may send.
pub const ACTIVATE_BODY: usize = 16 << 10;
/// JSON body of `POST /vaults`.
pub const CREATE_VAULT_BODY: usize = 1 << 20;
/// Body of an answer in JSON.
pub const JSON_ANSWER: usize = 32 << 20;
/// Wrapped key or format record.
pub const SMALL_OBJECT: usize = 64 << 10;
/// Keys that come with a new vault; a count.
pub const NEW_VAULT_KEYS: usize = 8;
/// Pack.
pub const PACK: usize = 40 << 20;
/// Snapshot record.
pub const SNAPSHOT: usize = 64 << 20;
/// Object with the labels of a snapshot.
pub const LABELS: usize = 4 << 10;
/// Segment of the index.
pub const SEGMENT: usize = 1 << 30;
/// Ids of one look-up; a count.
pub const LOOKUP_IDS: usize = 16_384;
/// Frames of one request; a count.
pub const FRAMES: usize = 4_096;
/// Record of one frame in an answer: ciphertext, ids, references.
pub const FRAME_RECORD: usize = 10 << 20;
/// Newest snapshots of a set that come with a lease; a count.
pub const NEWEST_SNAPSHOTS: usize = 8;
/// Missing frames that one refusal names; a count.
pub const MISSING: usize = 65_536;
/// Damaged frames and packs that one answer names; a count.
pub const DAMAGED: usize = 1 << 20;
/// One line of the control channel.
pub const CHANNEL_LINE: usize = 64 << 10;
/// Orders that wait for one device; a count.
pub const ORDERS: usize = 16;
/// Events of one request; a count.
pub const EVENTS: usize = 256;
/// Body of a request with events.
pub const EVENTS_BODY: usize = 2 << 20;
/// Code of an event.
pub const EVENT_CODE: usize = 64;
/// More about an event, as JSON.
pub const EVENT_PARAMS: usize = 4 << 10;
/// The greatest number of an event: it fits a signed 64-bit column.
pub const EVENT_SEQUENCE: u64 = i64::MAX as u64;
/// Name of a device.
pub const DEVICE_NAME: usize = 256;
/// Name and version of an operating system.
pub const OS_NAME: usize = 256;
/// An age recipient.
pub const RECIPIENT: usize = 128;
/// Addresses in a token; a count.
pub const URLS: usize = 8;
/// One address.
pub const URL: usize = 1_024;
/// Text of a token.
pub const TOKEN: usize = 16 << 10;
/// A refusal.
pub const PROBLEM_BODY: usize = 8 << 20;
