//! What this process may do and what it may use.

use crate::{Result, sys};

/// What this process may do beyond an ordinary user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privileges {
    /// The effective user.
    pub effective_uid: u32,
    /// May give files to other users (CAP_CHOWN).
    pub change_owner: bool,
    /// May read every file and list every folder (CAP_DAC_READ_SEARCH or CAP_DAC_OVERRIDE).
    pub read_everything: bool,
    /// May set modes and times of files of others (CAP_FOWNER).
    pub change_attributes: bool,
    /// May make devices (CAP_MKNOD).
    pub create_devices: bool,
    /// May read and set `trusted.*` attributes (CAP_SYS_ADMIN).
    pub trusted_attributes: bool,
}

/// The effective user of this process.
pub fn effective_uid() -> Result<u32> {
    sys::effective_uid()
}

/// What the calling thread may do at present.
pub fn privileges() -> Result<Privileges> {
    sys::privileges()
}

/// Raises the number of files that may be open to the most that is allowed, and gives it.
pub fn raise_open_file_limit() -> Result<u64> {
    sys::raise_open_file_limit()
}

/// The permission bits that are taken off whatever this process makes.
pub fn umask() -> Result<u32> {
    sys::current_umask()
}

/// Lets all others go first: lowest processor priority, disk only when idle. It holds for the calling
/// thread and those that it starts later: call it before there are others.
pub fn lower_priority() -> Result<()> {
    sys::lower_priority()
}

/// Keeps this process's memory out of core dumps and away from debuggers of the same user, for processes
/// that hold keys.
pub fn disable_core_dumps() -> Result<()> {
    sys::disable_core_dumps()
}

/// Files and folders made from now on are closed to group and others unless their mode is set afterwards.
/// Holds for the whole process.
pub fn restrict_umask() -> Result<()> {
    const GROUP_AND_OTHERS: u32 = 0o077;
    sys::set_umask(GROUP_AND_OTHERS)
}

/// Files and folders made from now on have exactly the mode that they are made with. Holds for the whole process.
pub fn clear_umask() -> Result<()> {
    sys::set_umask(0)
}
