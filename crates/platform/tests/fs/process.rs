//! The machine, this process, users and groups, locks.

use crate::{folder, write};
use platform::{Dir, Error, Lock, Names, host, process};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Set in the processes that tests start from this same program.
const ROLE: &str = "PLATFORM_TEST_ROLE";

/// This program again, running only `test`, with a role.
pub(crate) fn again(test: &str, role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(ROLE, role);
    command
}

/// The role of this process, if a test started it.
pub(crate) fn role() -> Option<std::ffi::OsString> {
    std::env::var_os(ROLE)
}

/// The line of a `/proc` file that begins with `label`, without it.
fn proc_line(file: &str, label: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().find_map(|line| line.strip_prefix(label)).unwrap().trim().to_owned()
}

#[test]
fn limits_and_priority_hold_and_leave_the_work_possible() {
    const TEST: &str = "process::limits_and_priority_hold_and_leave_the_work_possible";
    if role().is_none() {
        // They hold for a whole process, so in one of its own.
        let output = again(TEST, "limits").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        // A filter that matches nothing is a success too.
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    process::lower_priority().unwrap();
    process::disable_core_dumps().unwrap();
    process::restrict_umask().unwrap();
    assert_eq!(process::umask().unwrap(), 0o077);
    let files = process::raise_open_file_limit().unwrap();

    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let nice = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap();
    assert_eq!(nice, "19");
    assert_eq!(proc_line("/proc/self/limits", "Max core file size").split_whitespace().next(), Some("0"));
    let limit = proc_line("/proc/self/limits", "Max open files");
    let limits: Vec<_> = limit.split_whitespace().take(2).collect();
    assert_eq!(limits[0], limits[1]);
    assert_eq!(limits[0].parse().unwrap_or(u64::MAX), files);

    // A process that may not be looked into still reaches its own files by way of /proc.
    let (_temp, dir) = folder();
    dir.create_dir(b"dir", 0o777).unwrap();
    assert_eq!(dir.stat(b"dir").unwrap().mode, 0o700);
    let unreadable = dir.create_file_as(b"unreadable", 0o077).unwrap();
    assert_eq!(dir.stat(b"unreadable").unwrap().mode, 0);
    std::io::Write::write_all(&mut &unreadable, b"open for what it was made").unwrap();
    dir.child(b"dir").set_mode(0o755).unwrap();
    write(&dir, b"file", b"");
    dir.create_symlink(b"file", b"link").unwrap();
    dir.child(b"link").xattrs().unwrap();
    assert_eq!(dir.stat(b"dir").unwrap().mode, 0o755);
}

#[test]
fn the_machine_says_what_it_is() {
    assert_eq!(host::hostname().unwrap(), proc_line("/proc/sys/kernel/hostname", ""));
    assert!(!host::os_description().unwrap().is_empty());
    let boot_id = host::boot_id().unwrap();
    assert_eq!(boot_id.len(), 36);
    assert_eq!(boot_id, host::boot_id().unwrap());
}

#[test]
fn privileges_agree_with_the_kernel() {
    let privileges = process::privileges().unwrap();
    assert_eq!(privileges.effective_uid, process::effective_uid().unwrap());
    let effective = proc_line("/proc/thread-self/status", "CapEff:");
    let effective = u64::from_str_radix(&effective, 16).unwrap();
    assert_eq!(privileges.change_owner, effective & 1 != 0);
    assert_eq!(privileges.read_everything, effective & 0b110 != 0);
    assert_eq!(privileges.change_attributes, effective >> 3 & 1 != 0);
    assert_eq!(privileges.trusted_attributes, effective >> 21 & 1 != 0);
    assert_eq!(privileges.create_devices, effective >> 27 & 1 != 0);
}

#[test]
fn accounts_are_found_by_id_and_by_name() {
    let names = Names::new();
    // Twice: the second answer is the remembered one.
    for _ in 0..2 {
        let root = names.user_name(0).unwrap();
        assert_eq!(names.uid_of(&root), Some(0));
        let group = names.group_name(0).unwrap();
        assert_eq!(names.gid_of(&group), Some(0));
        assert_eq!(names.user_name(u32::MAX - 7), None);
        assert_eq!(names.group_name(u32::MAX - 7), None);
        assert_eq!(names.uid_of(b"no such user \xff"), None);
        assert_eq!(names.gid_of(b"no\0group"), None);
    }
    // Every account of the file is found, whatever its length.
    for line in std::fs::read_to_string("/etc/group").unwrap().lines() {
        let fields: Vec<_> = line.split(':').collect();
        assert_eq!(names.gid_of(fields[0].as_bytes()), fields[2].parse().ok(), "{line}");
    }
}

#[test]
fn one_process_holds_a_lock_until_it_ends() {
    const TEST: &str = "process::one_process_holds_a_lock_until_it_ends";
    if let Some(path) = role() {
        let _lock = Lock::try_exclusive(path.as_ref()).unwrap();
        println!("\nlocked");
        // Until the parent closes the pipe or kills us.
        std::io::stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    let (temp, dir) = folder();
    let path = temp.path().join("lock");
    let mut child =
        again(TEST, path.to_str().unwrap()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "locked"));
    match Lock::try_exclusive(&path).unwrap_err() {
        Error::Locked { path: found, holder } => {
            assert_eq!((found, holder), (path.clone(), Some(child.id())));
        }
        other => panic!("{other:?}"),
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let lock = Lock::try_exclusive(&path).unwrap();
    let holder = Some(std::process::id());
    assert!(
        matches!(Lock::try_exclusive(&path), Err(Error::Locked { holder: found, .. }) if found == holder)
    );
    drop(lock);
    Lock::try_exclusive(&path).unwrap();
    assert_eq!(dir.stat(b"lock").unwrap().mode, 0o600);
}

#[test]
fn a_lock_file_is_never_reached_through_a_link() {
    let (temp, dir) = folder();
    dir.create_symlink(b"elsewhere", b"lock").unwrap();
    assert!(Lock::try_exclusive(&temp.path().join("lock")).is_err());
    assert!(dir.stat(b"elsewhere").unwrap_err().is_not_found());
    assert!(Dir::open_parent_of(std::path::Path::new("/")).is_err());
}

#[test]
fn errors_keep_their_numbers_and_say_what_failed() {
    let (_temp, dir) = folder();
    let error = dir.stat(b"missing").unwrap_err();
    assert_eq!(error.errno(), Some(2));
    assert_eq!(error.to_string(), "stat: No such file or directory (os error 2)");
    assert_eq!(std::io::Error::from(error).raw_os_error(), Some(2));
    let bad = dir.stat(b"..").unwrap_err();
    assert_eq!((bad.errno(), bad.kind()), (None, std::io::ErrorKind::InvalidInput));
}
