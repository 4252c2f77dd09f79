//! A vault's format record: what was fixed when it was created.

use crate::classes::Classes;
use crate::codec::{Fields, Put, Reader, required};
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
    pub frame_target: u32,
    /// When, by the server's clock.
    pub created: Timestamp,
}

impl FormatRecord {
    /// A record with this version's defaults.
    pub fn new(vault: VaultId, user: UserId, custody: Custody, created: Timestamp) -> Self {
        let frame_target = limits::FRAME_TARGET as u32;
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
        body.put_varint_field(10, u64::from(self.frame_target));
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
                10 => frame_target = Some(target(&mut field)?),
                11 => created = Some(Timestamp::from_micros(field.varint()? as i64)),
                12 => user = Some(UserId::from_bytes(field.array()?)),
                other => {
                    fields.unknown(other)?;
                    continue;
                }
            }
            field.finish()?;
        }
        if required(id_len, WHAT)? != ID_LEN {
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

fn target(field: &mut Reader<'_>) -> Result<u32, Error> {
    match field.bounded(limits::FRAME_CONTENT_MAX)? {
        0 => Err(Error::malformed(WHAT, "a frame target is more than nothing")),
        target => Ok(target as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_target_that_no_frame_can_have_is_damage() {
        let now = Timestamp::from_secs(1_800_000_000);
        let record = FormatRecord::new(VaultId::random(), UserId::random(), Custody::Private, now);
        let decode =
            |frame_target| FormatRecord::decode(&FormatRecord { frame_target, ..record.clone() }.encode());
        let most = limits::FRAME_CONTENT_MAX as u32;
        assert!([1, 1 << 20, most].into_iter().all(|target| decode(target).unwrap().frame_target == target));
        for wrong in [0, most + 1, u32::MAX] {
            let error = decode(wrong).unwrap_err();
            assert!(matches!(error, Error::Malformed { .. } | Error::TooLarge { .. }), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_record_comes_back() {
        let now = Timestamp::from_secs(1_800_000_000);
        let record = FormatRecord::new(VaultId::random(), UserId::random(), Custody::Private, now);
        assert_eq!(FormatRecord::decode(&record.encode()).unwrap(), record);
    }
}
