//! Finding whole words in text. It knows no language.

/// The 1-based numbers of the lines of `text` that hold `word` with no identifier character beside it.
pub(crate) fn lines_with(text: &str, word: &str) -> Vec<usize> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| starts(line, word).next().is_some())
        .map(|(number, _)| number + 1)
        .collect()
}

/// The byte positions in `text` where `word` stands as a whole word.
pub(crate) fn starts<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_identifier) && !after.is_some_and(is_identifier)
    })
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_count() {
        assert_eq!(lines_with("unsafe {\nunsafe_code\nan unsafe", "unsafe"), vec![1, 3]);
        assert_eq!(lines_with("todo!()", "todo!"), vec![1]);
        assert_eq!(lines_with("mytodo!()", "todo!"), Vec::<usize>::new());
    }
}
