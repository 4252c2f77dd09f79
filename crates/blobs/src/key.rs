//! Names of blobs and prefixes of names, checked so that no store can be led out of its own area.
//! It must not know what any name means.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::Error;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 512;
/// The longest segment of a key, in bytes: the limit of file names on common file systems.
pub const MAX_SEGMENT_BYTES: usize = 255;

/// The name of a blob: segments of `a-z 0-9 . _ -`, joined by `/`, none empty and none beginning with a dot, at
/// most 512 bytes. Cheap to clone; ordered by its bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

/// Why a text is not a key or not the beginning of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyProblem {
    /// The whole text is empty.
    Empty,
    /// The text has more than [`MAX_KEY_BYTES`].
    TooLong,
    /// A segment is empty: a slash at either end, or two in a row.
    EmptySegment,
    /// A segment has more than [`MAX_SEGMENT_BYTES`].
    SegmentTooLong,
    /// A segment begins with a dot: `.`, `..`, and the hidden names that some file systems make themselves.
    LeadingDot,
    /// A character that keys do not have.
    Character(char),
}

impl Key {
    /// Checks a text and makes it a key.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match problem(text) {
            None => Ok(Self(text.into())),
            Some(problem) => Err(Error::InvalidKey { text: text.to_owned(), problem }),
        }
    }

    /// Makes the key `self/rest`; `rest` may have several segments.
    pub fn join(&self, rest: &str) -> Result<Self, Error> {
        Self::parse(&format!("{self}/{rest}"))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// All segments but the last, `None` for a key of one segment.
    pub fn folder(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(folder, _)| folder)
    }

    /// The segments from the first to the last.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Every folder of the key from the outermost on: `a`, `a/b` for `a/b/c`.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }
}

/// A checked prefix, cut at its last slash.
pub(crate) struct Prefix<'a> {
    /// The whole segments, without the slash behind them; empty when there are none.
    pub(crate) folder: &'a str,
    /// The beginning of the next segment; empty when the prefix ends in a slash.
    pub(crate) stem: &'a str,
}

impl<'a> Prefix<'a> {
    /// Checks a prefix by the rules of keys, except that its last segment may be empty.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Error> {
        let whole = text.strip_suffix('/').unwrap_or(text);
        if let Some(problem) = problem(whole).filter(|_| !text.is_empty()) {
            return Err(Error::InvalidKey { text: text.to_owned(), problem });
        }
        let (folder, stem) = text.rsplit_once('/').unwrap_or(("", text));
        Ok(Self { folder, stem })
    }
}

fn problem(text: &str) -> Option<KeyProblem> {
    if text.is_empty() {
        return Some(KeyProblem::Empty);
    }
    if text.len() > MAX_KEY_BYTES {
        return Some(KeyProblem::TooLong);
    }
    text.split('/').find_map(segment_problem)
}

fn segment_problem(segment: &str) -> Option<KeyProblem> {
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-');
    if segment.is_empty() {
        Some(KeyProblem::EmptySegment)
    } else if segment.starts_with('.') {
        Some(KeyProblem::LeadingDot)
    } else if segment.len() > MAX_SEGMENT_BYTES {
        Some(KeyProblem::SegmentTooLong)
    } else {
        segment.chars().find(|&c| !allowed(c)).map(KeyProblem::Character)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0)
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests;
