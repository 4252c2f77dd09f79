//! What this machine calls itself and what runs on it.

use crate::{Result, sys};
use std::path::PathBuf;

/// The machine's name; bytes that are not UTF-8 are replaced.
pub fn hostname() -> Result<String> {
    sys::hostname()
}

/// The operating system in words, such as `Debian GNU/Linux 13 (trixie)`; the kernel's name and release
/// where the system does not describe itself.
pub fn os_description() -> Result<String> {
    sys::os_description()
}

/// The folder below which services of the whole machine keep their state.
pub fn system_state_folder() -> Result<PathBuf> {
    sys::system_state_folder()
}

/// An id that is new at each start of the machine.
pub fn boot_id() -> Result<String> {
    sys::boot_id()
}
