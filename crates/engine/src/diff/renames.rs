//! Finds files that have another path now: one that was removed and one that was added with the same content. For that
//! all differences are held, up to a bound; beyond it they are passed on as they are.

use super::{Difference, DifferenceSink};
use crate::EngineError;
use format::path;
use std::collections::{HashMap, VecDeque};

/// Stands for the content of a file.
type Content = [u8; 16];

pub(super) struct Renames {
    most: usize,
    /// `None` once there were too many.
    held: Option<Vec<(Difference, Option<Content>)>>,
}

impl Renames {
    pub(super) const fn new(most: usize) -> Self {
        Self { most, held: Some(Vec::new()) }
    }

    /// Whether all differences are still held.
    pub(super) const fn are_sought(&self) -> bool {
        self.held.is_some()
    }

    /// Takes a difference; `content` is that of a file that may be one half of a rename.
    pub(super) fn push(
        &mut self,
        difference: Difference,
        content: Option<Content>,
        sink: &mut DifferenceSink<'_>,
    ) -> Result<(), EngineError> {
        let Some(held) = &mut self.held else { return sink(difference) };
        held.push((difference, content));
        if held.len() > self.most {
            let held = self.held.take().unwrap_or_default();
            return held.into_iter().try_for_each(|(difference, _)| sink(difference));
        }
        Ok(())
    }

    /// Gives what is held, with both halves of each rename as one, where the new path stands.
    pub(super) fn finish(self, sink: &mut DifferenceSink<'_>) -> Result<(), EngineError> {
        let held = self.held.unwrap_or_default();
        let old_of = pairs(&held);
        let mut held: Vec<Option<Difference>> =
            held.into_iter().map(|(difference, _)| Some(difference)).collect();
        let mut olds: HashMap<usize, Difference> = HashMap::new();
        for (new, old) in old_of {
            olds.extend(held[old].take().map(|difference| (new, difference)));
        }
        for (at, difference) in held.into_iter().enumerate() {
            let Some(difference) = difference else { continue };
            sink(match (olds.remove(&at), difference) {
                (Some(Difference::Removed(old)), Difference::Added(new)) => Difference::Renamed(old, new),
                (_, difference) => difference,
            })?;
        }
        Ok(())
    }
}

/// For the place of each added file that was renamed, the place of the removed one. Of several with the same content
/// those with the same last name belong together, then each to the first that is left.
fn pairs(held: &[(Difference, Option<Content>)]) -> HashMap<usize, usize> {
    let mut pairs = HashMap::new();
    let mut is_used = vec![false; held.len()];
    for by_name in [true, false] {
        let mut removed: HashMap<(Content, &[u8]), VecDeque<usize>> = HashMap::new();
        let key = |content: Content, path| (content, if by_name { path::name(path) } else { b"" });
        for (at, (difference, content)) in held.iter().enumerate().filter(|(at, _)| !is_used[*at]) {
            if let (Difference::Removed(old), Some(content)) = (difference, content) {
                removed.entry(key(*content, &old.path)).or_default().push_back(at);
            }
        }
        for (at, (difference, content)) in held.iter().enumerate() {
            if let (false, Difference::Added(new), Some(content)) = (is_used[at], difference, content)
                && let Some(old) = removed.get_mut(&key(*content, &new.path)).and_then(VecDeque::pop_front)
            {
                (is_used[at], is_used[old]) = (true, true);
                pairs.insert(at, old);
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use format::entry::EntryKind;

    fn state(path: &str) -> State {
        State { path: path.into(), kind: EntryKind::File, size: 1 }
    }

    /// Each path behind a sign, with the number of its content; gives the same with `old > new` for renames.
    fn run(most: usize, differences: &[(&str, u8)]) -> Vec<String> {
        let mut renames = Renames::new(most);
        let mut shown = Vec::new();
        let mut sink = |difference: Difference| {
            let text = |state: &State| String::from_utf8(state.path.clone()).unwrap();
            shown.push(match &difference {
                Difference::Added(new) => format!("+{}", text(new)),
                Difference::Removed(old) => format!("-{}", text(old)),
                Difference::Changed(..) => "changed".into(),
                Difference::Renamed(old, new) => format!("{} > {}", text(old), text(new)),
            });
            Ok(())
        };
        for (path, content) in differences {
            let difference = match path.split_at(1) {
                ("+", path) => Difference::Added(state(path)),
                (_, path) => Difference::Removed(state(path)),
            };
            renames.push(difference, (*content > 0).then_some([*content; 16]), &mut sink).unwrap();
        }
        renames.finish(&mut sink).unwrap();
        shown
    }

    #[test]
    fn equal_content_makes_a_rename() {
        assert_eq!(run(9, &[("-/a", 1), ("+/b", 1), ("+/c", 2)]), ["/a > /b", "+/c"]);
        assert_eq!(run(9, &[("+/a", 1), ("-/b", 1)]), ["/b > /a"]);
        // Without content there is nothing to know it by.
        assert_eq!(run(9, &[("-/a", 0), ("+/b", 0)]), ["-/a", "+/b"]);
        // One is renamed, the other is a copy.
        assert_eq!(run(9, &[("-/a", 1), ("+/b", 1), ("+/c", 1)]), ["/a > /b", "+/c"]);
        assert_eq!(run(9, &[("-/a", 1), ("-/b", 1), ("+/c", 1)]), ["-/b", "/a > /c"]);
    }

    #[test]
    fn equal_names_belong_together() {
        let found = run(9, &[("-/a/x", 1), ("-/a/y", 1), ("+/b/w", 1), ("+/b/y", 1)]);
        assert_eq!(found, ["/a/x > /b/w", "/a/y > /b/y"]);
    }

    #[test]
    fn beyond_the_bound_all_is_passed_on() {
        let differences = [("-/a", 1), ("+/b", 1), ("+/c", 2)];
        assert_eq!(run(3, &differences), ["/a > /b", "+/c"]);
        assert_eq!(run(2, &differences), ["-/a", "+/b", "+/c"]);
    }
}
