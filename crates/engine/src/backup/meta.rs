//! From attributes of the file system to entries, and when two of them say 'unchanged'.

use super::base::BaseEntry;
use super::findings::{Findings, reason_of};
use super::item::{Ids, Item};
use crate::kind::entry_kind;
use format::entry::{Entry, EntryKind, FileTime, Owner, Rare, Xattr, flags};
use format::limits;
use format::ranges::RangeList;
use model::FindingReason;
use platform::{Names, Node, Stat, Time, Xattrs};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970 by the system's clock, with a fraction.
pub(super) type Seconds = f64;
/// A change within this time of a read may leave size and times as they were.
const RACY_SECONDS: f64 = 2.0;

/// The present time, to be compared with times of files: always the system's clock, as theirs are.
pub(super) fn now() -> Seconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Whether a file that is read from `read_from` on could change without its times telling.
pub(super) fn is_racy(stat: &Stat, read_from: Seconds) -> bool {
    let newest = stat.mtime.max(stat.ctime);
    newest.sec as f64 + f64::from(newest.nsec) / 1e9 >= read_from - RACY_SECONDS
}

/// Owners by number, each looked up once.
#[derive(Default)]
pub(super) struct Owners {
    names: Names,
    known: HashMap<(u32, u32), Arc<Owner>>,
}

impl Owners {
    /// Owner and group of `stat` with their names.
    pub(super) fn of(&mut self, stat: &Stat) -> Arc<Owner> {
        let names = &self.names;
        let owner = self.known.entry((stat.uid, stat.gid)).or_insert_with(|| {
            let text = |name: Option<Arc<[u8]>>| {
                let name = name.filter(|name| name.len() <= limits::OWNER_NAME_MAX);
                name.map(|name| name.to_vec()).unwrap_or_default()
            };
            let (user, group) = (text(names.user_name(stat.uid)), text(names.group_name(stat.gid)));
            Arc::new(Owner { uid: stat.uid, gid: stat.gid, user, group })
        });
        Arc::clone(owner)
    }

    /// The owner of an entry whose file was replaced since the walk saw it.
    pub(super) fn of_entry(entry: &Entry, stat: &Stat) -> Arc<Owner> {
        if (entry.owner.uid, entry.owner.gid) == (stat.uid, stat.gid) {
            Arc::clone(&entry.owner)
        } else {
            Self::default().of(stat)
        }
    }
}

/// An entry with the attributes of `stat`, on the file system with this number, still without content.
pub(super) fn entry(path: Vec<u8>, stat: &Stat, file_system: u64, owner: &Arc<Owner>) -> Entry {
    let kind = entry_kind(stat.kind);
    let mut rare = Rare::default();
    if matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice) {
        rare.device = Some(stat.rdev);
    }
    let linked = kind != EntryKind::Dir && stat.nlink > 1;
    Entry {
        path,
        kind,
        flags: if linked { flags::HARD_LINK } else { 0 },
        mode: stat.mode,
        owner: Arc::clone(owner),
        modified: time(stat.mtime),
        changed: time(stat.ctime),
        dev: file_system,
        ino: stat.ino,
        size: if kind == EntryKind::File { stat.size_bytes } else { 0 },
        class: 0,
        rare,
        content: RangeList::new(),
    }
}

fn time(time: Time) -> FileTime {
    FileTime { secs: time.sec, nanos: time.nsec }
}

/// These say of an entry of the base that it is not certainly what was on the disk.
pub(super) const DOUBTFUL: u32 =
    flags::RACY | flags::CHANGING | flags::UNREAD | flags::KEPT | flags::NOT_WALKED;

/// Whether an entry of the base is what the walk sees now, so that nothing has to be read.
pub(super) fn is_same(base: &Entry, now: &Entry) -> bool {
    let now_flags = now.flags | (base.flags & flags::SPARSE);
    base.kind == now.kind
        && base.size == now.size
        && base.modified == now.modified
        && base.changed == now.changed
        && base.ino == now.ino
        && base.dev == now.dev
        && base.mode == now.mode
        && (base.owner.uid, base.owner.gid) == (now.owner.uid, now.owner.gid)
        && base.flags & DOUBTFUL == 0
        && base.flags == now_flags
}

/// The entry of the base that [is the same](is_same) as `now`, with what changes nothing on the disk: its owner was
/// given another name, or attributes are to be read again since they were not stored. `None` when neither is the case.
/// That a name is not to be found now says nothing: the service that knows it may be out of reach.
pub(super) fn renewed(base: &Entry, now: &Entry, wants_attributes: bool) -> Option<Entry> {
    let name = |base: &[u8], now: &[u8]| if now.is_empty() { base.to_vec() } else { now.to_vec() };
    let is_named_so = |base: &[u8], now: &[u8]| now.is_empty() || base == now;
    let (old, new) = (&base.owner, &now.owner);
    let is_owner_same = is_named_so(&old.user, &new.user) && is_named_so(&old.group, &new.group);
    if is_owner_same && !wants_attributes {
        return None;
    }
    let mut entry = base.clone();
    if !is_owner_same {
        let (user, group) = (name(&old.user, &new.user), name(&old.group, &new.group));
        entry.owner = Arc::new(Owner { user, group, ..Owner::clone(new) });
    }
    if wants_attributes {
        entry.rare.xattrs.clear();
    }
    Some(entry)
}

/// Whether the content of an entry of the base can be taken over although its flags say otherwise.
pub(super) fn is_same_but_not_walked(base: &Entry, now: &Entry) -> bool {
    let mut walked = base.clone();
    walked.flags &= !flags::NOT_WALKED;
    base.has(flags::NOT_WALKED) && is_same(&walked, now)
}

/// An entry of the base that stands for what cannot be read now.
pub(super) fn kept(previous: &BaseEntry) -> Item {
    if previous.entry().has(flags::KEPT) { same(previous) } else { with_flag(previous, flags::KEPT) }
}

/// An entry of the base that did not change. Its continuations were joined to it, and the hunks that they stand in are
/// written again, which gives the same ones.
pub(super) fn same(previous: &BaseEntry) -> Item {
    if previous.is_in_one_piece() { Item::Same(previous.clone()) } else { with_flag(previous, 0) }
}

/// An entry of the base with one more flag.
pub(super) fn with_flag(previous: &BaseEntry, flag: u32) -> Item {
    let mut entry = previous.entry().clone();
    entry.flags |= flag;
    Item::Entry(Box::new(entry), Ids::from_slice(previous.ids()))
}

/// Reads extended attributes and access lists into the entry; what cannot be read is a finding.
pub(super) fn read_xattrs(entry: &mut Entry, node: Node<'_>, findings: &Findings) {
    set_xattrs(entry, node.xattrs(), findings);
}

/// Puts extended attributes and access lists that were read into the entry; what could not be read is a finding.
pub(super) fn set_xattrs(entry: &mut Entry, read: platform::Result<Xattrs>, findings: &Findings) {
    let (xattrs, error) = match read {
        Ok(xattrs) => (xattrs.entries, xattrs.unreadable),
        Err(error) => (Vec::new(), Some(error)),
    };
    if let Some(error) = error {
        let reason = match reason_of(&error) {
            FindingReason::Vanished => return,
            _ => FindingReason::AttributesUnreadable,
        };
        findings.note(&entry.path, reason, error.errno().unwrap_or(0), false);
    }
    let bytes: usize = xattrs.iter().map(|xattr| xattr.name.len() + xattr.value.len() + 8).sum();
    if bytes > limits::ENTRY_RARE_MAX {
        findings.note(&entry.path, FindingReason::AttributesTooLarge, 0, false);
        return;
    }
    entry.rare.xattrs =
        xattrs.into_iter().map(|xattr| Xattr { name: xattr.name, value: xattr.value }).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_to_be_found_says_nothing() {
        let owned = |uid, user: &str| {
            let owner = Owner { uid, gid: 1, user: user.into(), group: b"g".to_vec() };
            Entry { owner: Arc::new(owner), ..crate::backup::tests::plain_entry("/a") }
        };
        let (ada, none, eve) = (owned(7, "ada"), owned(7, ""), owned(7, "eve"));
        assert!(!is_same(&ada, &owned(8, "ada")));
        for now in [&ada, &none, &eve] {
            assert!(is_same(&ada, now));
        }
        let name = |base, now| renewed(base, now, false).map(|entry| entry.owner.user.clone());
        assert_eq!((name(&ada, &ada), name(&ada, &none)), (None, None));
        assert_eq!((name(&ada, &eve), name(&none, &ada)), (Some(b"eve".to_vec()), Some(b"ada".to_vec())));
    }

    #[test]
    fn times_within_two_seconds_of_the_read_are_racy() {
        let dir = tempfile::tempdir().unwrap();
        let stat = platform::Dir::open_root(dir.path()).unwrap().stat_self().unwrap();
        let changed = stat.ctime.sec as f64;
        assert!(is_racy(&stat, changed + 1.0));
        assert!(is_racy(&stat, changed - 100.0), "a time in the future is racy too");
        assert!(!is_racy(&stat, changed + 4.0));
    }
}
