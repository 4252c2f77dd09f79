//! Deletion records: a snapshot is hidden while its record exists.

use crate::codec::{Fields, Put, required};
use crate::object::{ObjectKind, open_envelope, seal_envelope};
use crate::{Error, limits};
use model::{SnapshotId, Timestamp};

const WHAT: &str = "deletion record";

/// Who deleted which snapshot, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// When, by the server's clock.
    pub time: Timestamp,
    /// An administrator's name, `retention` or `checkpoint`.
    pub by: String,
}

impl Deletion {
    /// The object's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.put_field(2, self.snapshot.as_bytes());
        body.put_varint_field(4, self.time.as_micros() as u64);
        body.put_field(5, self.by.as_bytes());
        seal_envelope(ObjectKind::Deletion, &body)
    }

    /// Reads what [`Deletion::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let body = open_envelope(bytes, ObjectKind::Deletion)?;
        if body.len() > limits::SMALL_OBJECT_MAX {
            let (value, limit) = (body.len() as u64, limits::SMALL_OBJECT_MAX as u64);
            return Err(Error::TooLarge { what: WHAT, value, limit });
        }
        let (mut snapshot, mut time, mut by) = (None, None, String::new());
        let mut fields = Fields::new(body, WHAT);
        while let Some((tag, mut field)) = fields.next_field()? {
            match tag {
                2 => snapshot = Some(SnapshotId::from_bytes(field.array()?)),
                4 => time = Some(Timestamp::from_micros(field.varint()? as i64)),
                5 => by = String::from_utf8_lossy(field.take(field.remaining())?).into_owned(),
                other => {
                    fields.unknown(other)?;
                    continue;
                }
            }
            field.finish()?;
        }
        Ok(Self { snapshot: required(snapshot, WHAT)?, time: required(time, WHAT)?, by })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back() {
        let record = Deletion {
            snapshot: SnapshotId::random(),
            time: Timestamp::from_secs(1_800_000_000),
            by: "anna".into(),
        };
        assert_eq!(Deletion::decode(&record.encode()).unwrap(), record);
    }
}
