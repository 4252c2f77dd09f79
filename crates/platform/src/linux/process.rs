//! Privileges, limits and priority of this process.

use super::{os, raw};
use crate::process::Privileges;
use crate::{Error, Result};
use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, geteuid, getrlimit, set_dumpable_behavior, setpriority_process,
    setrlimit, umask,
};
use rustix::thread::{CapabilitySet, capabilities};

pub(crate) fn effective_uid() -> Result<u32> {
    Ok(geteuid().as_raw())
}

pub(crate) fn privileges() -> Result<Privileges> {
    let has = capabilities(None).map_err(os("read privileges"))?.effective;
    Ok(Privileges {
        effective_uid: geteuid().as_raw(),
        change_owner: has.contains(CapabilitySet::CHOWN),
        read_everything: has.intersects(CapabilitySet::DAC_READ_SEARCH | CapabilitySet::DAC_OVERRIDE),
        change_attributes: has.contains(CapabilitySet::FOWNER),
        create_devices: has.contains(CapabilitySet::MKNOD),
        trusted_attributes: has.contains(CapabilitySet::SYS_ADMIN),
    })
}

pub(crate) fn raise_open_file_limit() -> Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
            .map_err(os("raise open file limit"))?;
    }
    // No limit at all is `None`.
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

pub(crate) fn lower_priority() -> Result<()> {
    const OP: &str = "lower priority";
    const LOWEST: i32 = 19;
    // Both apply to the calling thread; one must not keep the other from being tried.
    let processor = setpriority_process(None, LOWEST);
    let disk = raw::ioprio_set_idle();
    processor.and(disk).map_err(os(OP))
}

pub(crate) fn disable_core_dumps() -> Result<()> {
    const OP: &str = "disable core dumps";
    // The limit holds for dumps to files, the flag also for those piped to a program.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(os(OP))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(os(OP))
}

pub(crate) fn set_umask(mask: u32) -> Result<()> {
    umask(Mode::from_raw_mode(mask));
    Ok(())
}

/// Read where the kernel tells it: the system call that gives it also sets it, for all threads.
pub(crate) fn current_umask() -> Result<u32> {
    const OP: &str = "read umask";
    let mask = status(OP, "Umask:")?;
    u32::from_str_radix(&mask, 8).map_err(|_| Error::unsupported(OP))
}

/// Whether this process was started with SIGHUP ignored, as `nohup` does.
pub(super) fn ignores_hangup() -> Result<bool> {
    const OP: &str = "read ignored signals";
    const SIGHUP_BIT: u64 = 1;
    let mask = status(OP, "SigIgn:")?;
    Ok(u64::from_str_radix(&mask, 16).map_err(|_| Error::unsupported(OP))? & SIGHUP_BIT != 0)
}

/// What the kernel says of this process under `name`.
fn status(op: &'static str, name: &str) -> Result<String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| Error::from_io(op, &error))?;
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value.map(|value| value.trim().to_owned()).ok_or(Error::unsupported(op))
}
