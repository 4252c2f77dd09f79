//! The field list of what few entries have: link targets, devices, attributes, holes.

use super::WHAT;
use crate::codec::{Fields, Put, Reader};
use crate::entry::{DataRun, Rare, Xattr};
use crate::{Error, limits};

/// Appends `rare` as one byte string; a single zero byte when it is empty.
pub(super) fn encode(rare: &Rare, out: &mut Vec<u8>) {
    if rare.is_empty() {
        out.push(0);
        return;
    }
    let mut fields = Vec::new();
    if let Some(target) = &rare.target {
        fields.put_field(2, target);
    }
    if let Some((major, minor)) = rare.device {
        let mut field = Vec::new();
        field.put_varint(u64::from(major));
        field.put_varint(u64::from(minor));
        fields.put_field(4, &field);
    }
    if !rare.xattrs.is_empty() {
        let mut field = Vec::new();
        field.put_varint(rare.xattrs.len() as u64);
        for xattr in &rare.xattrs {
            field.put_bytes(&xattr.name);
            field.put_bytes(&xattr.value);
        }
        fields.put_field(6, &field);
    }
    if !rare.runs.is_empty() {
        let mut field = Vec::new();
        field.put_varint(rare.runs.len() as u64);
        for run in &rare.runs {
            field.put_varint(run.hole);
            field.put_varint(run.length);
        }
        fields.put_field(8, &field);
    }
    if rare.part > 0 {
        fields.put_varint_field(10, rare.part);
    }
    out.put_bytes(&fields);
}

/// Bytes that [`encode`] writes at most, without those that every entry may take.
pub(super) fn most_bytes(rare: &Rare) -> usize {
    let target = rare.target.as_ref().map_or(0, Vec::len);
    let xattrs = rare.xattrs.iter().map(|xattr| xattr.name.len() + xattr.value.len() + 8).sum::<usize>();
    target + xattrs + 20 * rare.runs.len()
}

/// Reads what `encode` wrote.
pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Rare, Error> {
    let bytes = reader.bytes()?;
    let mut rare = Rare::default();
    if bytes.is_empty() {
        return Ok(rare);
    }
    if bytes.len() > limits::HUNK_MAX {
        return Err(Error::TooLarge {
            what: WHAT,
            value: bytes.len() as u64,
            limit: limits::HUNK_MAX as u64,
        });
    }
    let mut fields = Fields::new(bytes, WHAT);
    while let Some((tag, mut field)) = fields.next_field()? {
        match tag {
            2 => rare.target = Some(field.take(field.remaining())?.to_vec()),
            4 => rare.device = Some((field.varint_u32()?, field.varint_u32()?)),
            6 => {
                for _ in 0..field.count()? {
                    rare.xattrs.push(Xattr { name: field.bytes()?.to_vec(), value: field.bytes()?.to_vec() });
                }
            }
            8 => {
                for _ in 0..field.count()? {
                    rare.runs.push(DataRun { hole: field.varint()?, length: field.varint()? });
                }
                if rare.runs.is_empty() {
                    return Err(Error::malformed(WHAT, "a list of data runs has one"));
                }
            }
            10 => rare.part = field.varint()?,
            other => {
                fields.unknown(other)?;
                continue;
            }
        }
        field.finish()?;
    }
    let ends = rare.runs.iter().try_fold(0u64, |end, run| end.checked_add(run.hole)?.checked_add(run.length));
    if ends.is_none() {
        return Err(Error::malformed(WHAT, "data runs end below 2^64"));
    }
    Ok(rare)
}
