//! What `SNAPSHOT[:PATH]` means: `latest` or the beginning of an id, and a path of any bytes inside the snapshot.

use crate::AgentError;
use api::runs::SnapshotRow;
use format::snapshot::ClearPart;
use model::DeviceId;
use std::ffi::OsStr;

const LATEST: &str = "latest";
/// Shorter beginnings of an id would soon be ambiguous.
const PREFIX_MIN: usize = 4;
/// Digits of an id that people are shown; more when they would not tell it apart.
const SHOWN_DIGITS: usize = 8;

/// A snapshot, and maybe a path in it, as the command line names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selector {
    /// The snapshot.
    pub(crate) snapshot: Wanted,
    /// The path, absolute, without a slash at its end; `None` when none was named.
    pub(crate) path: Option<Vec<u8>>,
}

/// A snapshot as the command line names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The newest complete one of this device.
    Latest,
    /// The one whose id begins with these hexadecimal digits.
    Prefix(String),
}

impl Selector {
    /// Reads `SNAPSHOT[:PATH]`, cut at the first colon.
    pub(crate) fn parse(text: &OsStr) -> Result<Self, AgentError> {
        let bytes = platform::path::bytes(text);
        let cut = bytes.iter().position(|byte| *byte == b':');
        let (snapshot, path) = cut.map_or((bytes, None), |at| (&bytes[..at], Some(&bytes[at + 1..])));
        Ok(Self { snapshot: Wanted::parse(snapshot)?, path: path.map(normal).transpose()? })
    }
}

impl Wanted {
    /// A snapshot alone, where a path makes no sense.
    pub(crate) fn alone(text: &OsStr) -> Result<Self, AgentError> {
        let selector = Selector::parse(text)?;
        match selector.path {
            None => Ok(selector.snapshot),
            Some(_) => {
                Err(AgentError::Usage("a whole snapshot is meant here: name it without a path".into()))
            }
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, AgentError> {
        let text = String::from_utf8_lossy(bytes);
        if text == LATEST {
            return Ok(Self::Latest);
        }
        let fits =
            (PREFIX_MIN..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if fits {
            return Ok(Self::Prefix(text.to_ascii_lowercase()));
        }
        Err(AgentError::Usage(format!(
            "'{text}' is no snapshot: give 'latest', or at least {PREFIX_MIN} digits of an id as 'holdfast snapshots' shows it"
        )))
    }

    /// The snapshot that is meant, among `rows`. `latest` is one of `device`, and of the set with this name when one is
    /// given.
    pub(crate) fn find<'a>(
        &self,
        rows: &'a [SnapshotRow],
        device: DeviceId,
        set: Option<&str>,
    ) -> Result<&'a SnapshotRow, AgentError> {
        let set_id = set.map(|name| ClearPart::set_id(device, name.as_bytes()));
        match self {
            Self::Latest => rows
                .iter()
                .filter(|row| row.device == device && row.complete && set_id.is_none_or(|set| row.set == set))
                .max_by_key(|row| row.sequence)
                .ok_or_else(|| AgentError::NoSnapshot {
                    what: set.map_or("complete snapshot of this device".into(), |name| {
                        format!("complete snapshot of the set '{name}' of this device")
                    }),
                }),
            Self::Prefix(prefix) => {
                let mut fitting = rows.iter().filter(|row| row.id.to_string().starts_with(prefix));
                match (fitting.next(), fitting.next()) {
                    (Some(only), None) => Ok(only),
                    (None, _) => Err(AgentError::NoSnapshot { what: format!("snapshot '{prefix}'") }),
                    _ => Err(ambiguous(rows, prefix)),
                }
            }
        }
    }
}

fn ambiguous(rows: &[SnapshotRow], prefix: &str) -> AgentError {
    let digits = shown_digits(rows);
    let fitting = rows.iter().filter(|row| row.id.to_string().starts_with(prefix));
    let matches = fitting.map(|row| row.id.to_string()[..digits].to_owned()).collect();
    AgentError::SnapshotAmbiguous { prefix: prefix.to_owned(), matches }
}

/// How many digits tell all these ids apart, and no fewer than people are used to.
pub(crate) fn shown_digits<'r>(rows: impl IntoIterator<Item = &'r SnapshotRow>) -> usize {
    let mut ids: Vec<String> = rows.into_iter().map(|row| row.id.to_string()).collect();
    ids.sort_unstable();
    let shared = |pair: &[String]| pair[0].bytes().zip(pair[1].bytes()).take_while(|(a, b)| a == b).count();
    let most = ids.windows(2).map(shared).max().unwrap_or(0);
    (most + 1).clamp(SHOWN_DIGITS, 32)
}

/// The path as snapshots hold paths: absolute, one slash between parts, none at the end.
fn normal(path: &[u8]) -> Result<Vec<u8>, AgentError> {
    let refused = |rule: &str| {
        Err(AgentError::Usage(format!(
            "the path '{}' cannot be in a snapshot: {rule}",
            String::from_utf8_lossy(path)
        )))
    };
    if !path.starts_with(b"/") {
        return refused("paths there begin with /");
    }
    let mut out = Vec::with_capacity(path.len());
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return refused("paths there have no .."),
            part => {
                out.push(b'/');
                out.extend_from_slice(part);
            }
        }
    }
    if out.is_empty() {
        out.push(b'/');
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
