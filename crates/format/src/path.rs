//! The order of paths: byte by byte with `/` first, so that a folder is followed by what it holds.

use std::cmp::Ordering;

/// Compares two paths in the order of a snapshot's entries.
pub fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let common = shared(left, right);
    match (left.get(common), right.get(common)) {
        (Some(left), Some(right)) => rank(*left).cmp(&rank(*right)),
        _ => left.len().cmp(&right.len()),
    }
}

/// How many bytes both begin with, found several at a time: paths that are compared are neighbours as a rule.
fn shared(left: &[u8], right: &[u8]) -> usize {
    const STEP: usize = 16;
    let words = left.chunks_exact(STEP).zip(right.chunks_exact(STEP));
    let at = words.take_while(|(left, right)| left == right).count() * STEP;
    at + left[at..].iter().zip(&right[at..]).take_while(|(left, right)| left == right).count()
}

/// `/` below all others; NUL does not occur in paths.
const fn rank(byte: u8) -> u8 {
    if byte == b'/' { 0 } else { byte }
}

/// True for a path that an entry may have but for its length: absolute, without a NUL, with no name that is empty, `.`
/// or `..`.
pub fn is_plain(path: &[u8]) -> bool {
    path.first() == Some(&b'/')
        && !path.contains(&0)
        && (path == b"/"
            || path[1..].split(|byte| *byte == b'/').all(|name| !matches!(name, b"" | b"." | b"..")))
}

/// [`is_plain`] of a path that shares its first `shared` bytes with one that is.
pub fn stays_plain(path: &[u8], shared: usize) -> bool {
    // The names before the last slash of what is shared are whole ones of the other path.
    let from = path[..shared].iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    is_plain(&path[from..]) && (from == 0 || path.len() > from + 1)
}

/// True when `path` is `folder` itself or lies below it.
pub fn is_within(path: &[u8], folder: &[u8]) -> bool {
    match path.strip_prefix(folder) {
        Some(rest) => rest.is_empty() || rest[0] == b'/' || folder.ends_with(b"/"),
        None => false,
    }
}

/// The folder that holds `path`; `None` for `/`.
pub fn parent(path: &[u8]) -> Option<&[u8]> {
    if path == b"/" {
        return None;
    }
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    Some(if slash == 0 { b"/" } else { &path[..slash] })
}

/// The last name of `path`; empty for `/`.
pub fn name(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(path, |slash| &path[slash + 1..])
}

/// `folder` and `name` joined by one slash.
pub fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(folder.len() + name.len() + 1);
    path.extend_from_slice(folder);
    if !folder.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_followed_by_its_content() {
        let mut paths: Vec<&[u8]> = vec![b"/a!", b"/a/b", b"/", b"/a", b"/a/b/c", b"/a-b", b"/ab"];
        paths.sort_by(|a, b| compare(a, b));
        assert_eq!(paths, [&b"/"[..], b"/a", b"/a/b", b"/a/b/c", b"/a!", b"/a-b", b"/ab"]);
    }

    #[test]
    fn plain_paths() {
        for plain in ["/", "/a", "/a/...", "/.a/b."] {
            assert!(is_plain(plain.as_bytes()), "{plain}");
        }
        for bad in ["", "a", "//", "/a/", "/a//b", "/.", "/a/./b", "/..", "/a/../b", "/a\0"] {
            assert!(!is_plain(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn a_path_that_goes_on_from_a_plain_one_is_judged_by_its_own_names() {
        let mut paths = vec![Vec::new()];
        for from in 0.. {
            let Some(path) = paths.get(from).cloned().filter(|path: &Vec<u8>| path.len() < 6) else { break };
            paths.extend(b"/a.\0".iter().map(|byte| [&path[..], &[*byte]].concat()));
        }
        for path in &paths {
            for shared in (0..=path.len()).filter(|shared| *shared == 0 || is_beginning(&path[..*shared])) {
                assert_eq!(stays_plain(path, shared), is_plain(path), "{path:?} {shared}");
            }
        }
    }

    /// Whether some plain path begins so.
    fn is_beginning(bytes: &[u8]) -> bool {
        is_plain(bytes) || is_plain(&[bytes, b"x"].concat())
    }

    #[test]
    fn long_paths_are_compared_like_short_ones() {
        let long = vec![b'a'; 70];
        for at in 0..long.len() {
            for (left, right) in [(b'/', b'!'), (b'/', b'b'), (b'a', b'b')] {
                let (mut smaller, mut larger) = (long.clone(), long.clone());
                (smaller[at], larger[at]) = (left, right);
                assert_eq!(compare(&smaller, &larger), Ordering::Less, "{at}");
                assert_eq!(compare(&larger, &smaller), Ordering::Greater, "{at}");
                assert_eq!(compare(&smaller, &smaller), Ordering::Equal, "{at}");
            }
            assert_eq!(compare(&long[..at], &long), Ordering::Less, "{at}");
            assert_eq!(compare(&long, &long[..at]), Ordering::Greater, "{at}");
        }
    }

    #[test]
    fn parts_of_a_path() {
        assert_eq!(parent(b"/"), None);
        assert_eq!(parent(b"/a"), Some(&b"/"[..]));
        assert_eq!(parent(b"/a/b"), Some(&b"/a"[..]));
        assert_eq!((name(b"/a/b"), name(b"/")), (&b"b"[..], &b""[..]));
        assert_eq!((join(b"/", b"a"), join(b"/a", b"b")), (b"/a".to_vec(), b"/a/b".to_vec()));
        assert!(is_within(b"/a/b", b"/a") && is_within(b"/a", b"/") && !is_within(b"/ab", b"/a"));
    }
}
