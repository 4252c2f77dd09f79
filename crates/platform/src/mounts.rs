//! The table of mounted file systems: which mount an entry belongs to, of what type, and where it begins.

use crate::{FileSystemKind, Result, Stat, sys};

/// One mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The id that [`Stat::mount_id`] refers to.
    pub id: u64,
    /// The mount that this one lies in.
    pub parent_id: u64,
    /// Major and minor number of the file system's device.
    pub dev: (u32, u32),
    /// The folder of the file system that is mounted; not `/` for bind mounts and subvolumes.
    pub root: Vec<u8>,
    /// Where it is mounted, absolute.
    pub mount_point: Vec<u8>,
    /// Its type, such as `ext4` or `fuse.sshfs`.
    pub type_name: Vec<u8>,
    /// What is mounted: a device, a remote share, or any word.
    pub source: Vec<u8>,
    /// Where its files really are.
    pub kind: FileSystemKind,
    /// Nothing can be written through this mount.
    pub read_only: bool,
}

/// All mounts that this process sees, in the order of the kernel's table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MountTable {
    mounts: Vec<Mount>,
}

impl MountTable {
    /// Reads the present table.
    pub fn read() -> Result<Self> {
        sys::mount_table().map(|text| Self::parse(&text))
    }

    /// From text in the form of `/proc/self/mountinfo`; lines of another form are left out.
    pub fn parse(text: &[u8]) -> Self {
        Self { mounts: text.split(|byte| *byte == b'\n').filter_map(parse_line).collect() }
    }

    /// The mounts in the order of the table.
    pub fn iter(&self) -> std::slice::Iter<'_, Mount> {
        self.mounts.iter()
    }

    /// The mount with this id.
    pub fn by_id(&self, id: u64) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.id == id)
    }

    /// The mount that an entry was reached through, where the kernel told its id.
    pub fn of(&self, stat: &Stat) -> Option<&Mount> {
        self.by_id(stat.mount_id?)
    }

    /// The mount that begins at exactly this path: the topmost when several lie over each other.
    pub fn at(&self, mount_point: &[u8]) -> Option<&Mount> {
        self.mounts.iter().rev().find(|mount| mount.mount_point == mount_point)
    }
}

impl<'a> IntoIterator for &'a MountTable {
    type Item = &'a Mount;
    type IntoIter = std::slice::Iter<'a, Mount>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// `36 35 98:0 /root /mount/point rw,noatime shared:1 - ext4 /dev/sda1 rw`; between options and the dash
/// stands any number of optional fields.
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = number(fields.next()?)?;
    let parent_id = number(fields.next()?)?;
    let device = fields.next()?;
    let colon = device.iter().position(|byte| *byte == b':')?;
    let dev = (number(&device[..colon])?, number(&device[colon + 1..])?);
    let root = unescape(fields.next()?);
    let mount_point = unescape(fields.next()?);
    let read_only = fields.next()?.split(|byte| *byte == b',').any(|option| option == b"ro");
    fields.by_ref().find(|field| *field == b"-")?;
    let type_name = unescape(fields.next()?);
    let source = unescape(fields.next()?);
    let read_only = read_only
        || fields.next().is_some_and(|options| options.split(|byte| *byte == b',').any(|o| o == b"ro"));
    let kind = FileSystemKind::of_type_name(&type_name);
    Some(Mount { id, parent_id, dev, root, mount_point, type_name, source, kind, read_only })
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The kernel writes space, tab, newline, backslash and `#` as a backslash and three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        match (byte, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 27 0:21 / /proc rw,relatime - proc proc rw\n\
        27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard\n\
        40 27 0:33 /a\\040b /mnt/with\\040space\\011tab\\134back\\012line ro - fuse.sshfs me@host:/x\\043y rw\n\
        not a line\n\
        41 27 8:1 / /mnt/\xff\xfe rw - fuseblk /dev/sda1 ro,user_id=0\n\
        42 40 0:34 / /mnt/\xff\xfe rw - nfs4 server:/ rw\n\
        43 27 0:35 / /mnt/\\08x\\4 rw - tmpfs  rw\n";

    #[test]
    fn escaped_and_odd_names_come_back_as_bytes() {
        let table = MountTable::parse(TABLE);
        assert_eq!(table.iter().count(), 6);
        let odd = table.by_id(40).unwrap();
        assert_eq!(odd.mount_point, b"/mnt/with space\ttab\\back\nline");
        assert_eq!(odd.root, b"/a b");
        assert_eq!(odd.source, b"me@host:/x#y");
        assert_eq!(odd.dev, (0, 33));
        assert_eq!(odd.parent_id, 27);
        assert_eq!(odd.kind, FileSystemKind::Fuse);
        assert!(odd.read_only);
        // What is no escape stays as it is; an empty source is still a field.
        let plain = table.by_id(43).unwrap();
        assert_eq!((&plain.mount_point[..], &plain.source[..]), (&b"/mnt/\\08x\\4"[..], &b""[..]));
    }

    #[test]
    fn optional_fields_and_read_only_file_systems_are_understood() {
        let table = MountTable::parse(TABLE);
        let root = table.at(b"/").unwrap();
        assert_eq!((root.id, root.kind, root.read_only), (27, FileSystemKind::Local, false));
        assert_eq!(root.type_name, b"ext4");
        let disk = table.by_id(41).unwrap();
        assert_eq!((disk.kind, disk.read_only), (FileSystemKind::Local, true));
    }

    #[test]
    fn the_topmost_of_stacked_mounts_is_found() {
        let table = MountTable::parse(TABLE);
        let top = table.at(b"/mnt/\xff\xfe").unwrap();
        assert_eq!((top.id, top.kind), (42, FileSystemKind::Network));
        assert!(table.at(b"/mnt").is_none());
    }
}
