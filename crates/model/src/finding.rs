//! Findings: files that a run missed, kept from before, or read while they changed.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $number:literal;)*) => {
        /// Why an entry is not, or not certainly, what the disk held. The text is stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum FindingReason {
            $($(#[$doc])* $variant,)*
        }

        impl FindingReason {
            /// Every reason, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The number written into snapshots.
            pub const fn number(self) -> u8 {
                match self { $(Self::$variant => $number,)* }
            }

            /// The reason with this number, if this version knows it.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

reasons! {
    /// Open or read was refused (EACCES, EPERM).
    Denied = "denied", 1;
    /// The device gave an error (EIO and the like).
    ReadError = "read_error", 2;
    /// The file changed while it was read; it is stored as read.
    Changing = "changing", 3;
    /// Another program holds a lock that forbids reading.
    Locked = "locked", 4;
    /// The name or path is longer than the system takes.
    NameTooLong = "name_too_long", 5;
    /// A folder could not be listed; what it held is kept from before.
    FolderUnreadable = "folder_unreadable", 6;
    /// A root of the set is gone; its last version is kept.
    RootMissing = "root_missing", 7;
    /// A root of the set became empty; its last version is kept.
    RootEmpty = "root_empty", 8;
    /// A root of the set lies on another file system than before; its last version is kept.
    RootMoved = "root_moved", 9;
    /// Attributes or access lists could not be read; content and the rest are stored.
    AttributesUnreadable = "attributes_unreadable", 10;
    /// The file vanished between listing and reading.
    Vanished = "vanished", 11;
    /// The metadata of one entry is larger than the format takes; it is stored without extended attributes.
    AttributesTooLarge = "attributes_too_large", 12;
    /// Restore could not create or write the file.
    WriteFailed = "write_failed", 13;
    /// Restore could not set owner, mode, times or attributes.
    AttributesNotRestored = "attributes_not_restored", 14;
    /// The stored content is damaged or missing.
    Damaged = "damaged", 15;
    /// Restore left an existing file as it was.
    Skipped = "skipped", 16;
    /// The target cannot hold the name or kind of file.
    Unsupported = "unsupported", 17;
    /// The target has no space or no inodes left.
    TargetFull = "target_full", 18;
    /// A root of the set was a folder, or a file, and something that cannot hold as much stands there now; its last
    /// version is kept.
    RootReplaced = "root_replaced", 19;
    /// A file system that was mounted below a root is not mounted, or shows nothing; what it held is kept.
    MountMissing = "mount_missing", 20;
    /// A root of the set is an object store of a server, which is never backed up.
    ObjectStore = "object_store", 21;
    /// A root of the set is a view of the kernel's own state (such as `/proc`), which is never backed up.
    PseudoFileSystem = "pseudo_file_system", 22;
}

/// One entry of a run's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Absolute path, any bytes.
    pub path: Vec<u8>,
    /// What happened.
    pub reason: FindingReason,
    /// The operating system's error number; 0 when there was none.
    pub errno: i32,
    /// When this path was first seen with this reason.
    pub first_seen: Timestamp,
    /// The snapshot holds an earlier version of this path.
    pub kept_previous: bool,
}

impl Finding {
    /// True when the snapshot that lists it has no version of what lies at its path: a restore cannot bring it.
    pub const fn is_missed(&self) -> bool {
        use FindingReason::{AttributesTooLarge, AttributesUnreadable, Changing, Vanished};
        let has_content =
            matches!(self.reason, AttributesTooLarge | AttributesUnreadable | Changing | Vanished);
        !self.kept_previous && !has_content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_unique_and_come_back() {
        let mut texts: Vec<_> = FindingReason::ALL.iter().map(|reason| reason.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), FindingReason::ALL.len());
        for reason in FindingReason::ALL {
            assert_eq!(FindingReason::from_number(reason.number()), Some(*reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
