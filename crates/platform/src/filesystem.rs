//! Kinds of file systems, by the kernel's number or the mount table's name, and the space on them.
//! A backup leaves out what is not stored anywhere or is stored elsewhere.

use crate::{Dir, Result};
use std::path::Path;

/// Where the files of a file system really are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileSystemKind {
    /// On this machine. Also unknown types, lest files be left out that nobody knows to be elsewhere.
    Local,
    /// On another machine, or shared by the host of a virtual one.
    Network,
    /// Made by a program (FUSE), which may be anything from an archive to a remote machine.
    Fuse,
    /// Nowhere: a view of the kernel's own state.
    Pseudo,
}

/// Type names as in `/proc/self/mountinfo` with the number that `statfs` gives, 0 where there is no own one.
const TYPES: &[(&str, u32, FileSystemKind)] = {
    use FileSystemKind::{Fuse, Network, Pseudo};
    &[
        ("9p", 0x0102_1997, Network),
        ("acfs", 0x6163_6673, Network),
        ("afs", 0x5346_414f, Network),
        ("afs", 0x6b41_4653, Network),
        ("autofs", 0x0187, Pseudo),
        ("bdev", 0x6264_6576, Pseudo),
        ("beegfs", 0x1983_0326, Network),
        ("binder", 0x6c6f_6f70, Pseudo),
        ("binfmt_misc", 0x4249_4e4d, Pseudo),
        ("bpf", 0xcafe_4a11, Pseudo),
        ("ceph", 0x00c3_6400, Network),
        ("cgroup", 0x0027_e0eb, Pseudo),
        ("cgroup2", 0x6367_7270, Pseudo),
        ("cifs", 0xff53_4d42, Network),
        ("coda", 0x7375_7245, Network),
        ("configfs", 0x6265_6570, Pseudo),
        ("cpuset", 0, Pseudo),
        ("debugfs", 0x6462_6720, Pseudo),
        ("devpts", 0x1cd1, Pseudo),
        ("devtmpfs", 0, Pseudo),
        ("efivarfs", 0xde5e_81e4, Pseudo),
        ("functionfs", 0, Pseudo),
        ("fuse", 0x6573_5546, Fuse),
        ("fusectl", 0x6573_5543, Pseudo),
        ("gfs2", 0x0116_1970, Network),
        ("gpfs", 0x4750_4653, Network),
        ("hostfs", 0x00c0_ffee, Network),
        ("hugetlbfs", 0x9584_58f6, Pseudo),
        ("lustre", 0x0bd0_0bd0, Network),
        ("mqueue", 0x1980_0202, Pseudo),
        ("ncpfs", 0x564c, Network),
        ("nfs", 0x6969, Network),
        ("nfs4", 0x6969, Network),
        ("nfsd", 0x6e66_7364, Pseudo),
        ("nsfs", 0x6e73_6673, Pseudo),
        ("ocfs2", 0x7461_636f, Network),
        ("orangefs", 0x2003_0528, Network),
        ("pidfs", 0x5049_4446, Pseudo),
        ("pipefs", 0x5049_5045, Pseudo),
        ("proc", 0x9fa0, Pseudo),
        ("pstore", 0x6165_676c, Pseudo),
        ("resctrl", 0x0765_5821, Pseudo),
        ("rpc_pipefs", 0x6759_6969, Pseudo),
        ("securityfs", 0x7363_6673, Pseudo),
        ("selinuxfs", 0xf97c_ff8c, Pseudo),
        ("smackfs", 0x4341_5d53, Pseudo),
        ("smb", 0x517b, Network),
        ("smb2", 0xfe53_4d42, Network),
        ("smb3", 0xfe53_4d42, Network),
        ("smbfs", 0x517b, Network),
        ("sockfs", 0x534f_434b, Pseudo),
        ("sysfs", 0x6265_6572, Pseudo),
        ("tracefs", 0x7472_6163, Pseudo),
        ("usbdevfs", 0x9fa2, Pseudo),
        ("vboxsf", 0x786f_4256, Network),
        ("virtiofs", 0, Network),
        ("vmhgfs", 0xbacb_acbc, Network),
        ("xenfs", 0xabba_1974, Pseudo),
    ]
};

impl FileSystemKind {
    /// By the type in the mount table, such as `ext4` or `fuse.sshfs`.
    pub fn of_type_name(name: &[u8]) -> Self {
        // fuseblk is a FUSE program on a disk of this machine (NTFS, exFAT).
        if name == b"fuseblk" {
            return Self::Local;
        }
        // A virtual machine's view of its host's folders, though made by FUSE.
        if name == b"fuse.vmhgfs-fuse" {
            return Self::Network;
        }
        let family = name.split(|byte| *byte == b'.').next().unwrap_or(name);
        TYPES
            .iter()
            .find(|(known, _, _)| known.as_bytes() == family)
            .map_or(Self::Local, |(_, _, kind)| *kind)
    }

    /// By the number that `statfs` gives.
    pub fn of_magic(magic: u32) -> Self {
        TYPES
            .iter()
            .find(|(_, known, _)| *known == magic && *known != 0)
            .map_or(Self::Local, |(_, _, kind)| *kind)
    }
}

/// Space on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Size of the file system in bytes.
    pub total_bytes: u64,
    /// Bytes that this process may still write.
    pub available_bytes: u64,
    /// Files that can still be made; `None` where the file system has no such limit.
    pub free_inodes: Option<u64>,
}

/// Space on the file system that holds the directory `path`.
pub fn free_space(path: &Path) -> Result<Space> {
    Dir::open_for_search(path)?.free_space()
}

#[cfg(test)]
mod tests {
    use super::*;
    use FileSystemKind::{Fuse, Local, Network, Pseudo};

    #[test]
    fn types_are_classified_by_name() {
        for (name, kind) in [
            ("ext4", Local),
            ("tmpfs", Local),
            ("overlay", Local),
            ("zfs", Local),
            ("fuseblk", Local),
            ("a type of the year 2050", Local),
            ("fuse", Fuse),
            ("fuse.sshfs", Fuse),
            ("fuse.vmhgfs-fuse", Network),
            ("nfs4", Network),
            ("cifs", Network),
            ("9p", Network),
            ("virtiofs", Network),
            ("proc", Pseudo),
            ("devtmpfs", Pseudo),
            ("cgroup2", Pseudo),
            ("autofs", Pseudo),
            ("", Local),
        ] {
            assert_eq!(FileSystemKind::of_type_name(name.as_bytes()), kind, "{name}");
        }
    }

    #[test]
    fn types_are_classified_by_number() {
        for (magic, kind) in [
            (0xef53, Local),
            (0x0102_1994, Local),
            (0, Local),
            (0x9fa0, Pseudo),
            (0x6969, Network),
            (0x6573_5546, Fuse),
        ] {
            assert_eq!(FileSystemKind::of_magic(magic), kind, "{magic:#x}");
        }
    }
}
