//! Which hunks hold the direct children of a folder. Hunks that lie wholly inside one child are passed over, so that a
//! list of `/home` does not fetch a million entries below it. Pure.

use std::ops::Range;

/// Whether `path` lies directly in `folder`.
pub fn is_child(path: &[u8], folder: &[u8]) -> bool {
    format::path::parent(path) == Some(folder)
}

/// Of the hunks `within`, those that may hold a direct child of `folder`. `first_path` gives the path that a hunk begins
/// with; entries ascend over all hunks.
pub fn child_hunks<'a>(
    folder: &[u8],
    within: Range<usize>,
    first_path: impl Fn(usize) -> Option<&'a [u8]>,
) -> impl Iterator<Item = usize> {
    within.filter(move |number| {
        let (Some(first), Some(next)) = (first_path(*number), first_path(number + 1)) else { return true };
        inside_child(first, folder).is_none_or(|child| inside_child(next, folder) != Some(child))
    })
}

/// The same as runs of neighbours.
pub fn hunks_with_children<'a>(
    folder: &[u8],
    within: Range<usize>,
    first_path: impl Fn(usize) -> Option<&'a [u8]>,
) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for number in child_hunks(folder, within, first_path) {
        match runs.last_mut() {
            Some(run) if run.end == number => run.end += 1,
            _ => runs.push(number..number + 1),
        }
    }
    runs
}

/// The child of `folder` that `path` lies below; `None` for the child itself and for what is elsewhere.
fn inside_child<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(folder)?;
    let rest = if folder.ends_with(b"/") { rest } else { rest.strip_prefix(b"/")? };
    let end = rest.iter().position(|byte| *byte == b'/')?;
    Some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(folder: &str, firsts: &[&'static str]) -> Vec<Range<usize>> {
        hunks_with_children(folder.as_bytes(), 0..firsts.len(), |at| {
            firsts.get(at).map(|path| path.as_bytes())
        })
    }

    #[test]
    fn hunks_inside_one_child_are_passed_over() {
        // The second lies inside /a/b; the third may hold what follows /a/b.
        assert_eq!(runs("/a", &["/a", "/a/b/c", "/a/b/d", "/a/e"]), [0..1, 2..4]);
        assert_eq!(runs("/", &["/", "/a/b", "/a/c", "/a/d/e"]), [0..1, 3..4]);
        // A hunk that begins with the child itself holds it.
        assert_eq!(runs("/a", &["/a/b", "/a/b/c", "/a/b/d"]), [0..1, 2..3]);
        // Names that only begin alike are other children.
        assert_eq!(runs("/a", &["/a/b/c", "/a/b-2/c", "/a/b-2/d"]), [0..1, 2..3]);
        assert!(runs("/a", &[]).is_empty());
    }

    #[test]
    fn children_are_one_level_below() {
        assert!(is_child(b"/a/b", b"/a") && is_child(b"/a", b"/"));
        assert!(!is_child(b"/a/b/c", b"/a") && !is_child(b"/a", b"/a") && !is_child(b"/", b"/"));
    }
}
