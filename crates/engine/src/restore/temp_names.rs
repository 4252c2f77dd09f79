//! Names of what is not whole yet: made, recognised and removed again.

use super::TEMP_PREFIX;
use platform::Dir;
use std::sync::atomic::{AtomicU64, Ordering};

/// Temporary names of one restore: the prefix and 16 hexadecimal digits, counted up from a random number, since asking
/// the system for random bytes for each file would be felt.
#[derive(Debug)]
pub(super) struct TempNames {
    first: u64,
    next: AtomicU64,
}

impl TempNames {
    pub(super) fn new() -> platform::Result<Self> {
        let name = platform::temp_name(b"")?;
        let first = std::str::from_utf8(&name).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let first = first.unwrap_or_default();
        Ok(Self { first, next: AtomicU64::new(first) })
    }

    /// A name that this restore has not used.
    pub(super) fn next(&self) -> Vec<u8> {
        let mut name = TEMP_PREFIX.to_vec();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        name.extend_from_slice(format!("{number:016x}").as_bytes());
        name
    }

    /// Removes what a kill left here under temporary names; what this restore has made under its own stays. What cannot
    /// be removed does no harm.
    pub(super) fn remove_leftovers(&self, dir: &Dir) {
        let Ok(names) = dir.names() else { return };
        let used = self.next.load(Ordering::Relaxed).wrapping_sub(self.first);
        for entry in &names {
            if number_of(entry.name).is_some_and(|number| number.wrapping_sub(self.first) >= used) {
                remove(dir, entry.name);
            }
        }
    }
}

/// The number in a temporary name; `None` for any other name.
fn number_of(name: &[u8]) -> Option<u64> {
    let digits = name.strip_prefix(TEMP_PREFIX)?;
    let is_one = digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit);
    is_one.then(|| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()).flatten()
}

/// Removes an entry, and of a folder all that is in it. Nothing is followed, and what cannot be removed stays.
fn remove(dir: &Dir, name: &[u8]) {
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
        let dir = Dir::open_root(temp.path()).unwrap();
        let names = TempNames::new().unwrap();
        let own: Vec<_> = (0..3).map(|_| names.next()).collect();
        for name in &own {
            dir.create_dir(name, 0o700).unwrap();
        }
        names.remove_leftovers(&dir);
        for name in &own {
            dir.remove_dir(name).unwrap();
        }
        assert!(!left("0123456789abcdef").exists() && !left("00000000000000ff").exists());
        assert!(temp.path().join("outside/kept").exists());
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 4);
    }
}
