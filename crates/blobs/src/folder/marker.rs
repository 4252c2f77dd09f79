//! The marker file of a folder store: it tells the store's folder from any other, e.g. from the empty mount point
//! of a disk that is not mounted. This file holds its text form; who writes it durably is `folder.rs`.

use std::fmt;

/// The name of the marker in the folder of a store.
pub const MARKER_NAME: &str = "HOLDFAST-STORE";
/// The layout that this program writes, and the newest that it reads.
pub(super) const VERSION: u32 = 1;
/// More than any marker has; a longer file is not read.
pub(super) const MARKER_LIMIT_BYTES: u64 = 4096;
const TITLE: &str = "Holdfast object store";

/// The random identity of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId([u8; 16]);

/// What is wrong with a marker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MarkerProblem {
    /// Its first line is not that of a marker.
    Title,
    /// It has no readable version.
    NoVersion,
    /// The store was written by a newer program.
    Version {
        /// The version of the store.
        found: u32,
        /// The newest version that this program reads.
        newest: u32,
    },
    /// It has no readable id.
    NoId,
    /// The marker is right but the folder of the blobs is gone.
    NoBlobs,
}

impl StoreId {
    /// Makes a new random id; fails only when the operating system has no random numbers.
    pub(super) fn random() -> std::io::Result<Self> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(std::io::Error::other)?;
        Ok(Self(id))
    }

    /// Reads the 32 hexadecimal digits that `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        if text.len() != 32 || !text.chars().all(lower) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(|id| Self(id.to_be_bytes()))
    }

    /// The id as bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreId({self})")
    }
}

/// The text of a marker.
pub(super) fn write(id: StoreId) -> String {
    format!("{TITLE}\nversion = {VERSION}\nid = {id}\n")
}

/// Reads a marker; lines with other names are left to later versions of the same layout.
pub(super) fn read(bytes: &[u8]) -> Result<StoreId, MarkerProblem> {
    let text = std::str::from_utf8(bytes).map_err(|_| MarkerProblem::Title)?;
    let mut lines = text.lines();
    if lines.next() != Some(TITLE) {
        return Err(MarkerProblem::Title);
    }
    let value = |name: &str| {
        text.lines().filter_map(|line| line.split_once(" = ")).find(|(n, _)| *n == name).map(|(_, v)| v)
    };
    let found: u32 = value("version").and_then(|v| v.parse().ok()).ok_or(MarkerProblem::NoVersion)?;
    if found != VERSION {
        return Err(MarkerProblem::Version { found, newest: VERSION });
    }
    value("id").and_then(StoreId::parse).ok_or(MarkerProblem::NoId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_back() {
        let id = StoreId::random().unwrap();
        assert_eq!(read(write(id).as_bytes()), Ok(id));
        assert_eq!(StoreId::parse(&id.to_string()), Some(id));
        assert_ne!(id, StoreId::random().unwrap());
        let later = format!("{}colour = green\n", write(id));
        assert_eq!(read(later.as_bytes()), Ok(id));
    }

    #[test]
    fn the_text_of_version_1_stays_readable() {
        let text = b"Holdfast object store\nversion = 1\nid = 000102030405060708090a0b0c0d0e0f\n";
        let expected = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        assert_eq!(read(text).map(|id| *id.as_bytes()), Ok(expected));
    }

    #[test]
    fn broken_markers_are_refused() {
        let id = "000102030405060708090a0b0c0d0e0f";
        for (text, problem) in [
            (String::new(), MarkerProblem::Title),
            ("\u{0}\u{0}".to_owned(), MarkerProblem::Title),
            (TITLE.to_owned(), MarkerProblem::NoVersion),
            (format!("{TITLE}\nversion = x\nid = {id}\n"), MarkerProblem::NoVersion),
            (format!("{TITLE}\nversion = 2\nid = {id}\n"), MarkerProblem::Version { found: 2, newest: 1 }),
            (format!("{TITLE}\nversion = 1\n"), MarkerProblem::NoId),
            (format!("{TITLE}\nversion = 1\nid = {}\n", &id[1..]), MarkerProblem::NoId),
            (format!("{TITLE}\nversion = 1\nid = +{}\n", &id[1..]), MarkerProblem::NoId),
        ] {
            assert_eq!(read(text.as_bytes()), Err(problem), "{text:?}");
        }
        assert_eq!(read(&[0xff, 0xfe]), Err(MarkerProblem::Title));
    }
}
