//! Names of what is not whole yet: made, recognised and removed again.

use super::TEMP_PREFIX;
use platform::Dir;
use std::sync::atomic::{AtomicU64, Ordering};

/// Temporary names of one restore: the prefix and 16 hexadecimal digits, counted up from a random number, since asking
/// the system for random bytes for each file would be felt.
pub(super) struct TempNames(AtomicU64);

impl TempNames {
    pub(super) fn new() -> platform::Result<Self> {
        let name = platform::temp_name(b"")?;
        let first = std::str::from_utf8(&name).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
        Ok(Self(AtomicU64::new(first.unwrap_or_default())))
    }

    /// A name that this restore has not used.
    pub(super) fn next(&self) -> Vec<u8> {
        let mut name = TEMP_PREFIX.to_vec();
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        name.extend_from_slice(format!("{number:016x}").as_bytes());
        name
    }
}

fn is_temp_name(name: &[u8]) -> bool {
    name.strip_prefix(TEMP_PREFIX)
        .is_some_and(|digits| digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// Removes what a kill left here under temporary names. What cannot be removed does no harm.
pub(super) fn remove_leftovers(dir: &Dir) {
    let Ok(names) = dir.names() else { return };
    for entry in names.iter().filter(|entry| is_temp_name(entry.name)) {
        remove(dir, entry.name);
    }
}

/// Removes an entry, and of a folder all that is in it. Nothing is followed, and what cannot be removed stays.
pub(super) fn remove(dir: &Dir, name: &[u8]) {
    // Each level with the names in it that are still to be removed: paths may be deeper than the stack.
    let mut levels = vec![(vec![name.to_vec()], None::<Dir>)];
    while let Some((names, opened)) = levels.last_mut() {
        let here = opened.as_ref().unwrap_or(dir);
        let Some(next) = names.last() else {
            levels.pop();
            // The folder is empty now; its name is the last of the level above.
            if let Some((names, above)) = levels.last_mut()
                && let Some(name) = names.pop()
            {
                let _ = above.as_ref().unwrap_or(dir).remove_dir(&name);
            }
            continue;
        };
        if here.remove_file(next).is_ok() {
            names.pop();
            continue;
        }
        let inner = here.open_child(next).and_then(|inner| Ok((inner.names()?, inner)));
        match inner {
            Ok((found, inner)) => {
                let found = found.iter().map(|entry| entry.name.to_vec()).collect();
                levels.push((found, Some(inner)));
            }
            Err(_) => drop(names.pop()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn leftovers_go_whole_and_alone() {
        let temp = tempfile::tempdir().unwrap();
        let left = |digits: &str| temp.path().join(format!(".holdfast-restore-{digits}"));
        fs::create_dir_all(left("0123456789abcdef").join("a/b/c")).unwrap();
        fs::write(left("0123456789abcdef").join("a/b/file"), "half").unwrap();
        fs::create_dir(temp.path().join("outside")).unwrap();
        fs::write(temp.path().join("outside/kept"), "").unwrap();
        std::os::unix::fs::symlink(temp.path().join("outside"), left("0123456789abcdef").join("a/link"))
            .unwrap();
        fs::write(left("00000000000000ff"), "half").unwrap();
        for not_ours in ["00000000000000fg", "0", "00000000000000ff0"] {
            fs::write(left(not_ours), "").unwrap();
        }
        remove_leftovers(&Dir::open_root(temp.path()).unwrap());
        assert!(!left("0123456789abcdef").exists() && !left("00000000000000ff").exists());
        assert!(temp.path().join("outside/kept").exists());
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 4);
    }
}
