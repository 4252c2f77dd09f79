//! Numbers, byte strings and field lists: the alphabet that all other modules write with.

use crate::Error;

/// Reads from a slice, front to back. `what` names the object in errors.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    pub const fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    /// Bytes that are left.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// All that is left.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The name used in errors.
    pub const fn what(&self) -> &'static str {
        self.what
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        if count > self.rest.len() {
            return Err(Error::Truncated { what: self.what });
        }
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let what = self.what;
        self.take(N)?.try_into().map_err(|_| Error::Truncated { what })
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self) -> Result<u16, Error> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A varint in its shortest form.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, Error> {
        if let [byte, rest @ ..] = self.rest
            && *byte < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Error> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Error::malformed(self.what, "a varint has at most 64 bits"));
            }
            value |= bits << shift;
            if byte < 0x80 {
                if byte == 0 && shift > 0 {
                    return Err(Error::malformed(self.what, "a varint is in its shortest form"));
                }
                return Ok(value);
            }
        }
        Err(Error::malformed(self.what, "a varint has at most 10 bytes"))
    }

    /// A varint that must not exceed `limit`.
    #[inline]
    pub fn bounded(&mut self, limit: usize) -> Result<usize, Error> {
        let value = self.varint()?;
        if value > limit as u64 {
            return Err(Error::TooLarge { what: self.what, value, limit: limit as u64 });
        }
        Ok(value as usize)
    }

    /// A varint that must fit 32 bits.
    pub fn varint_u32(&mut self) -> Result<u32, Error> {
        Ok(self.bounded(u32::MAX as usize)? as u32)
    }

    /// A count of items of at least one byte each, so that it can't exceed what is left.
    pub fn count(&mut self) -> Result<usize, Error> {
        let count = self.bounded(usize::MAX)?;
        if count > self.rest.len() {
            return Err(Error::Truncated { what: self.what });
        }
        Ok(count)
    }

    /// A zigzag varint.
    pub fn zigzag(&mut self) -> Result<i64, Error> {
        let value = self.varint()?;
        Ok(((value >> 1) as i64) ^ -((value & 1) as i64))
    }

    /// A byte string: varint length, then the bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let count = self.count()?;
        self.take(count)
    }

    /// Fails unless everything was read.
    pub const fn finish(&self) -> Result<(), Error> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Error::malformed(self.what, "nothing follows its end"))
        }
    }
}

/// Appends numbers and byte strings.
pub trait Put {
    /// Appends a varint.
    fn put_varint(&mut self, value: u64);
    /// Appends a zigzag varint.
    fn put_zigzag(&mut self, value: i64) {
        self.put_varint(((value << 1) ^ (value >> 63)) as u64);
    }
    /// Appends a length and the bytes.
    fn put_bytes(&mut self, bytes: &[u8]);
    /// Appends a field of a field list.
    fn put_field(&mut self, tag: u64, bytes: &[u8]) {
        self.put_varint(tag);
        self.put_bytes(bytes);
    }
    /// Appends a field that holds one varint.
    fn put_varint_field(&mut self, tag: u64, value: u64);
}

impl Put for Vec<u8> {
    #[inline]
    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_varint(bytes.len() as u64);
        self.extend_from_slice(bytes);
    }

    fn put_varint_field(&mut self, tag: u64, value: u64) {
        let mut number = Vec::with_capacity(10);
        number.put_varint(value);
        self.put_field(tag, &number);
    }
}

/// Walks a field list: tags ascend, unknown even tags are refused by the caller through [`Fields::unknown`].
#[derive(Debug)]
pub struct Fields<'a> {
    reader: Reader<'a>,
    last: Option<u64>,
}

impl<'a> Fields<'a> {
    /// Starts at the front of `bytes`.
    pub const fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { reader: Reader::new(bytes, what), last: None }
    }

    /// The next field: its tag and a reader over its bytes.
    pub fn next_field(&mut self) -> Result<Option<(u64, Reader<'a>)>, Error> {
        if self.reader.remaining() == 0 {
            return Ok(None);
        }
        let what = self.reader.what();
        let tag = self.reader.varint()?;
        if self.last.is_some_and(|last| tag <= last) {
            return Err(Error::malformed(what, "tags ascend"));
        }
        self.last = Some(tag);
        Ok(Some((tag, Reader::new(self.reader.bytes()?, what))))
    }

    /// What to do with a tag that this version does not know.
    pub const fn unknown(&self, tag: u64) -> Result<(), Error> {
        if tag.is_multiple_of(2) { Err(Error::TooNew { what: self.reader.what() }) } else { Ok(()) }
    }
}

/// A field that must be there.
pub fn required<T>(value: Option<T>, what: &'static str) -> Result<T, Error> {
    value.ok_or(Error::Malformed { what, rule: "a required field is missing" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(value: u64, signed: i64) {
            let mut out = Vec::new();
            out.put_varint(value);
            out.put_zigzag(signed);
            let mut reader = Reader::new(&out, "test");
            prop_assert_eq!(reader.varint().unwrap(), value);
            prop_assert_eq!(reader.zigzag().unwrap(), signed);
            prop_assert!(reader.finish().is_ok());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes, "test");
            if let Ok(value) = reader.varint() {
                let mut again = Vec::new();
                again.put_varint(value);
                prop_assert_eq!(&bytes[..again.len()], &again[..]);
            }
        }
    }

    #[test]
    fn longer_forms_are_refused() {
        assert!(Reader::new(&[0x80, 0x00], "test").varint().is_err());
        assert!(Reader::new(&[0xff; 11], "test").varint().is_err());
    }

    #[test]
    fn unknown_even_tags_are_refused_and_odd_ones_ignored() {
        let fields = Fields::new(&[], "test");
        assert!(fields.unknown(7).is_ok());
        assert_eq!(fields.unknown(8), Err(Error::TooNew { what: "test" }));
    }
}
