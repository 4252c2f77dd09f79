//! Gives restored entries their owner, extended attributes, mode and times, in the order that the kernel demands:
//! a change of owner clears set-id bits and capabilities, an access list changes the mode, and all change times.

use super::folder::Traits;
use format::entry::{Entry, EntryKind, Owner};
use platform::errno;
use platform::process::{self, Privileges};
use platform::{Error, Names, Node, Result, Time};
use std::sync::{Arc, Mutex, PoisonError};

/// Access lists that a new entry takes over from its folder.
pub(super) const ACCESS_LIST: &[u8] = b"system.posix_acl_access";
/// What a folder hands down to new entries.
pub(super) const DEFAULT_LIST: &[u8] = b"system.posix_acl_default";

/// Of files while they are made, where others could open them.
pub(super) const CLOSED_MODE: u32 = 0o600;
const SET_USER: u32 = 0o4000;
const SET_GROUP: u32 = 0o2000;

/// Owner and group by number on this system.
pub(super) type Ids = (u32, u32);

/// Sets attributes for one restore.
pub(super) struct Attributes<'n> {
    names: &'n Names,
    privileges: Privileges,
    /// `None` where the system does not tell.
    umask: Option<u32>,
    /// The owner that was looked up last: most files next to each other have the same.
    last: Mutex<Option<(Arc<Owner>, Ids)>>,
}

/// An entry as it was just made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    /// Owner and group that it surely has.
    pub(super) owner: Option<Ids>,
    /// It may have taken over access lists from its folder.
    pub(super) inherits: bool,
    /// The mode that it surely has.
    pub(super) mode: Option<u32>,
}

/// What could not be set.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Missed {
    /// The first error other than that of the owner.
    pub(super) other: Option<i32>,
    /// The error of the owner.
    pub(super) owner: Option<i32>,
}

impl Missed {
    /// The error number for a finding.
    pub(super) fn errno(&self) -> Option<i32> {
        self.other.or(self.owner)
    }

    fn note(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.other.get_or_insert(number(&error));
        }
    }
}

fn number(error: &Error) -> i32 {
    error.errno().unwrap_or(0)
}

impl<'n> Attributes<'n> {
    pub(super) fn new(names: &'n Names, privileges: Privileges) -> Self {
        Self { names, privileges, umask: process::umask().ok(), last: Mutex::new(None) }
    }

    /// The mode with which a file is made in a folder. In one that others cannot enter yet it is the file's own where
    /// that can be: to change it afterwards would cost as much as to make the file.
    pub(super) fn first_mode(&self, entry: &Entry, traits: Traits) -> u32 {
        const PERMISSIONS: u32 = 0o777;
        // Extended attributes ask for the right to write, which an owner may not have.
        let may_be = traits.is_new && !traits.hands_down && entry.rare.xattrs.is_empty();
        self.umask.filter(|_| may_be).map_or(CLOSED_MODE, |umask| entry.mode & PERMISSIONS & !umask)
    }

    /// Whether this process may give files away.
    pub(super) const fn may_give_away(&self) -> bool {
        self.privileges.change_owner
    }

    /// The numbers that an owner has on this system: by name where the name is known, else as they were.
    fn ids(&self, owner: &Arc<Owner>) -> Ids {
        let last = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, ids)) = last().as_ref().filter(|(last, _)| Arc::ptr_eq(last, owner)) {
            return *ids;
        }
        let known = |name: &[u8]| !name.is_empty();
        let uid = known(&owner.user).then(|| self.names.uid_of(&owner.user)).flatten();
        let gid = known(&owner.group).then(|| self.names.gid_of(&owner.group)).flatten();
        let ids = (uid.unwrap_or(owner.uid), gid.unwrap_or(owner.gid));
        *last() = Some((Arc::clone(owner), ids));
        ids
    }

    /// Sets everything that `entry` says, as far as this process may.
    pub(super) fn set(&self, node: Node<'_>, entry: &Entry, made: Made) -> Missed {
        let mut missed = Missed::default();
        let lost = self.set_owner(node, &entry.owner, made, &mut missed);
        self.set_xattrs(node, entry, made, &mut missed);
        if entry.kind != EntryKind::Symlink {
            // Bits that lend an identity must not lend that of somebody else.
            let mode = if entry.kind == EntryKind::Dir { entry.mode } else { entry.mode & !lost };
            let has_list = entry.rare.xattrs.iter().any(|xattr| xattr.name == ACCESS_LIST);
            if made.mode != Some(mode) || made.inherits || has_list {
                missed.note(node.set_mode(mode));
            }
        }
        let time = Time { sec: entry.modified.secs, nsec: entry.modified.nanos };
        missed.note(node.set_times(time, None));
        missed
    }

    /// Gives the mode bits that must not be set because the owner could not be.
    fn set_owner(&self, node: Node<'_>, owner: &Arc<Owner>, made: Made, missed: &mut Missed) -> u32 {
        let wanted = self.ids(owner);
        if made.owner == Some(wanted) {
            return 0;
        }
        let Err(error) = node.set_owner(wanted.0, wanted.1) else { return 0 };
        let Ok(stat) = node.stat() else {
            missed.owner = Some(number(&error));
            return SET_USER | SET_GROUP;
        };
        // An ordinary user may still give a file to another group of theirs.
        let has_group = stat.gid == wanted.1 || node.set_owner(stat.uid, wanted.1).is_ok();
        let has_user = stat.uid == wanted.0;
        if !has_user || !has_group {
            missed.owner = Some(number(&error));
        }
        (if has_user { 0 } else { SET_USER }) | (if has_group { 0 } else { SET_GROUP })
    }

    fn set_xattrs(&self, node: Node<'_>, entry: &Entry, made: Made, missed: &mut Missed) {
        if made.inherits && entry.kind != EntryKind::Symlink {
            let has = |name: &[u8]| entry.rare.xattrs.iter().any(|xattr| xattr.name == name);
            for name in [ACCESS_LIST, DEFAULT_LIST] {
                if !has(name) && (name == ACCESS_LIST || entry.kind == EntryKind::Dir) {
                    missed.note(remove_if_there(node, name));
                }
            }
        }
        for xattr in &entry.rare.xattrs {
            missed.note(node.set_xattr(&xattr.name, &xattr.value));
        }
    }
}

/// Removes an extended attribute; none of that name, or none of any kind here, is no error.
pub(super) fn remove_if_there(node: Node<'_>, name: &[u8]) -> Result<()> {
    match node.remove_xattr(name) {
        Err(error) if matches!(error.errno(), Some(errno::ENODATA | errno::EOPNOTSUPP)) => Ok(()),
        answer => answer,
    }
}
