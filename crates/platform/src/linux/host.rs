//! The machine's name, system and mounts, the space on a file system, random numbers.

use super::{Handle, os};
use crate::{Error, Result, Space};
use rustix::fs::{fstatfs, fstatvfs};
use rustix::rand::{GetRandomFlags, getrandom};
use rustix::system::uname;
use std::path::PathBuf;

pub(crate) fn hostname() -> Result<String> {
    Ok(uname().nodename().to_string_lossy().into_owned())
}

pub(crate) fn os_description() -> Result<String> {
    let described = ["/etc/os-release", "/usr/lib/os-release"]
        .iter()
        .find_map(|path| pretty_name(&String::from_utf8_lossy(&std::fs::read(path).ok()?)));
    Ok(described.unwrap_or_else(|| {
        let system = uname();
        format!("{} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy())
    }))
}

/// The value of PRETTY_NAME in an os-release file, which is in shell syntax.
fn pretty_name(text: &str) -> Option<String> {
    let value = text.lines().filter_map(|line| line.trim().strip_prefix("PRETTY_NAME=")).next_back()?.trim();
    let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let mut plain = String::new();
    let mut characters = quoted.unwrap_or(value).chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    Some(plain).filter(|name| !name.is_empty())
}

/// By the Filesystem Hierarchy Standard, section 5.8.
pub(crate) fn system_state_folder() -> Result<PathBuf> {
    Ok("/var/lib".into())
}

pub(crate) fn boot_id() -> Result<String> {
    read("read boot id", "/proc/sys/kernel/random/boot_id")
        .map(|text| String::from_utf8_lossy(&text).trim().to_owned())
}

pub(crate) fn mount_table() -> Result<Vec<u8>> {
    read("read mount table", "/proc/self/mountinfo")
}

fn read(op: &'static str, path: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::from_io(op, &error))
}

pub(crate) fn space(dir: &Handle) -> Result<Space> {
    let raw = fstatvfs(dir).map_err(os("read free space"))?;
    Ok(Space {
        total_bytes: raw.f_blocks.saturating_mul(raw.f_frsize),
        available_bytes: raw.f_bavail.saturating_mul(raw.f_frsize),
        // File systems that make inodes as needed say that they have none at all.
        free_inodes: (raw.f_files != 0).then_some(raw.f_favail),
    })
}

/// The id that the file system gives itself.
pub(crate) fn file_system_id(dir: &Handle) -> Result<u64> {
    fstatvfs(dir).map(|raw| raw.f_fsid).map_err(os("read file system id"))
}

/// The number of the file system's type.
pub(crate) fn magic(dir: &Handle) -> Result<u32> {
    // Sign-extended on some systems; the number has 32 bits.
    fstatfs(dir).map(|raw| raw.f_type as u32).map_err(os("read file system type"))
}

pub(crate) fn random() -> Result<u64> {
    const OP: &str = "read random number";
    let mut bytes = [0; 8];
    let len = rustix::io::retry_on_intr(|| getrandom(&mut bytes, GetRandomFlags::empty())).map_err(os(OP))?;
    // The kernel fills requests of up to 256 bytes whole.
    if len == bytes.len() { Ok(u64::from_ne_bytes(bytes)) } else { Err(os(OP)(rustix::io::Errno::IO)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_names_are_taken_out_of_shell_quotes() {
        for (text, name) in [
            (
                "NAME=Debian\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n",
                Some("Debian GNU/Linux 13 (trixie)"),
            ),
            ("PRETTY_NAME='Single'\r\n", Some("Single")),
            ("PRETTY_NAME=Alpine", Some("Alpine")),
            ("PRETTY_NAME=\"a \\\"b\\\" \\$c\"", Some("a \"b\" $c")),
            ("PRETTY_NAME=first\nPRETTY_NAME=last", Some("last")),
            ("#PRETTY_NAME=no\nNAME=x", None),
            ("PRETTY_NAME=\"\"", None),
        ] {
            assert_eq!(pretty_name(text).as_deref(), name, "{text}");
        }
    }
}
