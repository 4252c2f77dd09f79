//! What differs between two entries of one path. Pure.

use format::entry::{Entry, EntryKind};

/// Something that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// File, folder and so on.
    Kind,
    /// The content of a file.
    Content,
    /// The target of a symbolic link.
    Target,
    /// The numbers of a device.
    Device,
    /// Permission bits.
    Mode,
    /// Owner or group.
    Owner,
    /// The time of modification.
    Modified,
    /// Extended attributes, access lists among them.
    Xattrs,
}

impl Aspect {
    /// Its name in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Content => "content",
            Self::Target => "target",
            Self::Device => "device",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Modified => "modified",
            Self::Xattrs => "xattrs",
        }
    }

    /// Whether what the path stands for is the same all the same.
    pub const fn is_metadata(self) -> bool {
        matches!(self, Self::Mode | Self::Owner | Self::Modified | Self::Xattrs)
    }
}

/// What differs; empty when nothing does that anyone would restore. The time of a folder changes with what is in it,
/// and that is told by itself.
pub(super) fn aspects(old: &Entry, new: &Entry) -> Vec<Aspect> {
    let is_folder = old.kind == EntryKind::Dir && new.kind == EntryKind::Dir;
    let content = old.size != new.size || old.content != new.content || old.rare.runs != new.rare.runs;
    [
        (Aspect::Kind, old.kind != new.kind),
        (Aspect::Content, old.kind == new.kind && content),
        (Aspect::Target, old.rare.target != new.rare.target),
        (Aspect::Device, old.rare.device != new.rare.device),
        (Aspect::Mode, old.mode != new.mode),
        (Aspect::Owner, old.owner != new.owner),
        (Aspect::Modified, old.modified != new.modified && !is_folder),
        (Aspect::Xattrs, old.rare.xattrs != new.rare.xattrs),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(aspect, _)| aspect)
    .collect()
}

/// Stands for the content of a file that has some.
pub(super) fn fingerprint(entry: &Entry) -> Option<[u8; 16]> {
    if entry.kind != EntryKind::File || entry.content.is_empty() {
        return None;
    }
    let mut bytes = entry.size.to_le_bytes().to_vec();
    for run in &entry.rare.runs {
        bytes.extend_from_slice(&run.hole.to_le_bytes());
        bytes.extend_from_slice(&run.length.to_le_bytes());
    }
    entry.content.encode(&mut bytes);
    blake3::hash(&bytes).as_bytes().first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use format::entry::{FileTime, Owner, Xattr};
    use testkit::snapshot_writer::{file, folder, symlink};

    #[test]
    fn what_differs_is_named() {
        let old = file(b"/a", 3);
        assert!(aspects(&old, &old).is_empty());
        // What no restore brings back is no difference.
        let again = Entry { ino: 7, dev: 9, flags: 8, changed: FileTime::default(), class: 1, ..old.clone() };
        assert!(aspects(&old, &again).is_empty());
        assert_eq!(aspects(&old, &Entry { size: 4, ..old.clone() }), [Aspect::Content]);
        assert_eq!(aspects(&old, &Entry { mode: 0o600, ..old.clone() }), [Aspect::Mode]);
        let mut other = Entry { modified: FileTime::default(), ..old.clone() };
        other.owner = Owner { uid: 4711, ..Owner::default() }.into();
        other.rare.xattrs = vec![Xattr { name: b"user.a".to_vec(), value: Vec::new() }];
        assert_eq!(aspects(&old, &other), [Aspect::Owner, Aspect::Modified, Aspect::Xattrs]);
        assert!(aspects(&old, &other).iter().all(|aspect| aspect.is_metadata()));
        assert_eq!(aspects(&symlink(b"/a", b"x"), &symlink(b"/a", b"y")), [Aspect::Target]);
        assert_eq!(aspects(&old, &folder(b"/a"))[0], Aspect::Kind);
    }

    #[test]
    fn the_time_of_a_folder_tells_nothing() {
        let old = folder(b"/a");
        assert!(aspects(&old, &Entry { modified: FileTime::default(), ..old.clone() }).is_empty());
        assert_eq!(aspects(&old, &Entry { mode: 0o700, ..old.clone() }), [Aspect::Mode]);
    }

    #[test]
    fn only_files_with_content_have_a_fingerprint() {
        assert!(fingerprint(&file(b"/a", 0)).is_none() && fingerprint(&folder(b"/a")).is_none());
    }
}
