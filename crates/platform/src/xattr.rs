//! Extended attributes as plain bytes, among them the POSIX ACLs in the kernel's own form.

use crate::Error;

/// One extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Xattr {
    /// Name with its namespace, such as `user.comment` or `system.posix_acl_access`.
    pub name: Vec<u8>,
    /// Raw value; may be empty.
    pub value: Vec<u8>,
}

/// All extended attributes of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Xattrs {
    /// Those that could be read, sorted by name.
    pub entries: Vec<Xattr>,
    /// The first error of those that could not; `None` when `entries` is complete.
    pub unreadable: Option<Error>,
}
