//! One entry of a snapshot, as JSON and as a line.

use crate::json::{JsonPath, file_time, kind_name, text_and_bytes};
use crate::{Output, text};
use format::entry::{Entry, EntryKind, flags};
use serde::Serialize;
use std::io::{self, Write};

/// An entry in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    path: JsonPath,
    kind: &'static str,
    /// Permission bits as octal digits.
    mode: String,
    uid: u32,
    gid: u32,
    user: String,
    group: String,
    size: u64,
    modified: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_base64: Option<String>,
    /// What is special about this entry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<&'static str>,
}

impl Row {
    pub(super) fn new(entry: &Entry) -> Self {
        let owner = &entry.owner;
        let (target, target_base64) = entry.rare.target.as_deref().map(text_and_bytes).unzip();
        Self {
            path: JsonPath::new(&entry.path),
            kind: kind_name(entry.kind),
            mode: format!("{:04o}", entry.mode),
            uid: owner.uid,
            gid: owner.gid,
            user: String::from_utf8_lossy(&owner.user).into_owned(),
            group: String::from_utf8_lossy(&owner.group).into_owned(),
            size: entry.size,
            modified: file_time(entry.modified),
            target,
            target_base64: target_base64.flatten(),
            marks: marks(entry),
        }
    }
}

/// Writes one line: the path alone, or with all that a long list shows.
pub(super) fn write(out: &mut dyn Write, entry: &Entry, long: bool, output: &Output) -> io::Result<()> {
    if long {
        let (letter, bits) = (letter(entry.kind), permissions(entry.mode));
        let owner = format!("{}:{}", name_or_id(&entry.owner.user, entry.owner.uid), group(entry));
        let (size, time) = (text::size(entry.size), text::short_time(entry.modified.secs));
        write!(out, "{letter}{bits} {owner:<17} {size:>10} {time} ")?;
    }
    out.write_all(&output.name(&entry.path))?;
    if entry.kind == EntryKind::Dir && entry.path != b"/" {
        out.write_all(b"/")?;
    }
    if let Some(target) = entry.rare.target.as_deref().filter(|_| long) {
        out.write_all(b" -> ")?;
        out.write_all(&output.name(target))?;
    }
    let marks = marks(entry);
    if long && !marks.is_empty() {
        write!(out, "  [{}]", marks.join(", "))?;
    }
    out.write_all(b"\n")
}

fn group(entry: &Entry) -> String {
    name_or_id(&entry.owner.group, entry.owner.gid)
}

fn name_or_id(name: &[u8], id: u32) -> String {
    if name.is_empty() { id.to_string() } else { text::escaped(name) }
}

/// The letter of a kind in a long list.
const fn letter(kind: EntryKind) -> char {
    match kind {
        EntryKind::File | EntryKind::Continuation => '-',
        EntryKind::Dir => 'd',
        EntryKind::Symlink => 'l',
        EntryKind::Fifo => 'p',
        EntryKind::Socket => 's',
        EntryKind::CharDevice => 'c',
        EntryKind::BlockDevice => 'b',
    }
}

/// The nine letters of `ls -l`.
fn permissions(mode: u32) -> String {
    let special =
        |bit: u32, set: char, unset: char, execute: u32| match (mode & bit != 0, mode & execute != 0) {
            (true, true) => set,
            (true, false) => unset,
            (false, true) => 'x',
            (false, false) => '-',
        };
    let plain = |bit: u32, letter: char| if mode & bit != 0 { letter } else { '-' };
    [
        plain(0o400, 'r'),
        plain(0o200, 'w'),
        special(0o4000, 's', 'S', 0o100),
        plain(0o040, 'r'),
        plain(0o020, 'w'),
        special(0o2000, 's', 'S', 0o010),
        plain(0o004, 'r'),
        plain(0o002, 'w'),
        special(0o1000, 't', 'T', 0o001),
    ]
    .into_iter()
    .collect()
}

/// What is special about an entry, in words.
pub(in crate::commands) fn marks(entry: &Entry) -> Vec<&'static str> {
    let known = [
        (flags::KEPT, "kept from an earlier backup"),
        (flags::CHANGING, "changed while it was read"),
        (flags::UNREAD, "never read"),
        (flags::NOT_WALKED, "not yet looked at"),
    ];
    known.into_iter().filter(|(flag, _)| entry.has(*flag)).map(|(_, words)| words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use format::entry::{FileTime, Owner, Rare};
    use std::sync::Arc;

    fn entry(kind: EntryKind, path: &[u8]) -> Entry {
        Entry {
            path: path.to_vec(),
            kind,
            flags: 0,
            mode: 0o4755,
            owner: Arc::new(Owner { uid: 1000, gid: 100, user: b"ada".to_vec(), group: Vec::new() }),
            modified: FileTime { secs: 1, nanos: 5 },
            changed: FileTime::default(),
            dev: 1,
            ino: 1,
            size: 2048,
            class: 0,
            rare: Rare::default(),
            content: format::ranges::RangeList::new(),
        }
    }

    #[test]
    fn json_has_its_documented_fields() {
        let mut link = entry(EntryKind::Symlink, b"/a");
        link.rare.target = Some(b"../b".to_vec());
        link.flags = flags::KEPT;
        assert_eq!(
            serde_json::to_value(Row::new(&link)).unwrap(),
            serde_json::json!({
                "path": "/a", "kind": "symlink", "mode": "4755", "uid": 1000, "gid": 100, "user": "ada", "group": "",
                "size": 2048, "modified": "1970-01-01T00:00:01.000000005Z", "target": "../b",
                "marks": ["kept from an earlier backup"],
            })
        );
        link.rare.target = Some(b"\xff".to_vec());
        let odd = serde_json::to_value(Row::new(&link)).unwrap();
        assert_eq!((&odd["target"], &odd["target_base64"]), (&"\u{fffd}".into(), &"/w==".into()));
    }

    #[test]
    fn lines_read_like_those_of_ls() {
        let output = Output::plain();
        let line = |entry: &Entry, long| {
            let mut out = Vec::new();
            write(&mut out, entry, long, &output).unwrap();
            String::from_utf8_lossy(&out).into_owned()
        };
        assert_eq!(line(&entry(EntryKind::Dir, b"/a"), false), "/a/\n");
        assert_eq!(line(&entry(EntryKind::Dir, b"/"), false), "/\n");
        let long = line(&entry(EntryKind::File, b"/a"), true);
        assert!(long.starts_with("-rwsr-xr-x ada:100") && long.contains("2.0 KiB"), "{long}");
        assert_eq!(permissions(0o1640), "rw-r----T");
        assert_eq!(permissions(0o2011), "-----s--x");
    }
}
