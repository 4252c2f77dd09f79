//! Whether a folder tells upper from lower case.

use super::TEMP_PREFIX;
use platform::{Dir, Result};
use std::path::Path;

/// Tries it with a file of its own, which it removes again.
pub(super) fn ignores_case(dir: &Dir) -> Result<bool> {
    let (name, file) = dir.create_temp(TEMP_PREFIX)?;
    drop(file);
    let answer = same_entry(dir, &name, &name.to_ascii_uppercase());
    dir.remove_file(&name)?;
    answer
}

/// Looks whether the folder at `path` is found under its own name in the other case. `None` when its name has no
/// letters or the folder above cannot be searched.
pub(super) fn seems_to_ignore_case(path: &Path) -> Option<bool> {
    let path = std::path::absolute(path).ok()?;
    let name = platform::path::bytes(path.file_name()?);
    let swapped: Vec<u8> =
        name.iter()
            .map(|byte| {
                if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }
            })
            .collect();
    if swapped == name {
        return None;
    }
    let parent = Dir::open_for_search(path.parent()?).ok()?;
    same_entry(&parent, name, &swapped).ok()
}

fn same_entry(dir: &Dir, name: &[u8], other: &[u8]) -> Result<bool> {
    let stat = dir.stat(name)?;
    match dir.stat(other) {
        Ok(found) => Ok(found.is_same_inode(&stat)),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_tells_case_apart_is_left_empty() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("Folder");
        std::fs::create_dir(&path).unwrap();
        let dir = Dir::open_root(&path).unwrap();
        assert!(!ignores_case(&dir).unwrap());
        assert!(dir.names().unwrap().is_empty());
        assert_eq!(seems_to_ignore_case(&path), Some(false));
        std::fs::create_dir(temp.path().join("fOLDER")).unwrap();
        assert_eq!(seems_to_ignore_case(&path), Some(false));
        assert_eq!(seems_to_ignore_case(Path::new("/")), None);
        assert_eq!(seems_to_ignore_case(Path::new("/123")), None);
    }
}
