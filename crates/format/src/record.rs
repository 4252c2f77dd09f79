//! A vault's format record: what was fixed when it was created.

use crate::classes::Classes;
use crate::codec::{Fields, Put, required};
use crate::keys::{custody_number, custody_of};
use crate::object::{ObjectKind, open_envelope, seal_envelope};
use crate::{Error, limits};
use model::{Custody, Timestamp, UserId, VaultId};

const WHAT: &str = "format record";
const ID_LEN: u8 = 16;

/// What was fixed when the vault was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatRecord {
    /// The vault.
    pub vault: VaultId,
    /// Its user.
    pub user: UserId,
    /// Its custody.
    pub custody: Custody,
    /// How files are cut.
    pub classes: Classes,
    /// Content at which a frame is closed, in bytes.
    pub frame_target: u64,
    /// When, by the server's clock.
    pub created: Timestamp,
}

impl FormatRecord {
    /// A record with this version's defaults.
    pub fn new(vault: VaultId, user: UserId, custody: Custody, created: Timestamp) -> Self {
        let frame_target = limits::FRAME_TARGET as u64;
        Self { vault, user, custody, classes: Classes::default(), frame_target, created }
    }

    /// The object's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.put_field(2, self.vault.as_bytes());
        body.put_field(4, &[custody_number(self.custody)]);
        body.put_field(6, &[ID_LEN]);
        let mut classes = Vec::new();
        self.classes.encode(&mut classes);
        body.put_field(8, &classes);
        body.put_varint_field(10, self.frame_target);
        body.put_varint_field(11, self.created.as_micros() as u64);
        body.put_field(12, self.user.as_bytes());
        seal_envelope(ObjectKind::FormatRecord, &body)
    }

    /// Reads what [`FormatRecord::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let body = open_envelope(bytes, ObjectKind::FormatRecord)?;
        let (mut vault, mut custody, mut id_len, mut classes) = (None, None, None, None);
        let (mut frame_target, mut created, mut user) = (None, None, None);
        let mut fields = Fields::new(body, WHAT);
        while let Some((tag, mut field)) = fields.next_field()? {
            match tag {
                2 => vault = Some(VaultId::from_bytes(field.array()?)),
                4 => custody = Some(custody_of(field.u8()?, WHAT)?),
                6 => id_len = Some(field.u8()?),
                8 => classes = Some(Classes::decode(&mut field)?),
                10 => frame_target = Some(field.varint()?),
                11 => created = Some(Timestamp::from_micros(field.varint()? as i64)),
                12 => user = Some(UserId::from_bytes(field.array()?)),
                other => {
                    fields.unknown(other)?;
                    continue;
                }
            }
            field.finish()?;
        }
        if required(id_len, WHAT)? != ID_LEN
            || required(frame_target, WHAT)? > limits::FRAME_CONTENT_MAX as u64
        {
            return Err(Error::TooNew { what: WHAT });
        }
        Ok(Self {
            vault: required(vault, WHAT)?,
            user: required(user, WHAT)?,
            custody: required(custody, WHAT)?,
            classes: required(classes, WHAT)?,
            frame_target: required(frame_target, WHAT)?,
            created: created.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back() {
        let now = Timestamp::from_secs(1_800_000_000);
        let record = FormatRecord::new(VaultId::random(), UserId::random(), Custody::Private, now);
        assert_eq!(FormatRecord::decode(&record.encode()).unwrap(), record);
    }
}
