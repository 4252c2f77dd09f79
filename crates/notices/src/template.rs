//! Texts with placeholders, taken apart. A placeholder is what stands between `<` and `>`.

/// A stretch of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    /// Words that are shown as they are.
    Words(&'t str),
    /// The name of what is filled in.
    Placeholder(&'t str),
}

/// The pieces of a text, in order. A `<` that nothing closes begins no placeholder.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if let Some((name, behind)) = rest.strip_prefix('<').and_then(|inside| inside.split_once('>')) {
            rest = behind;
            return Some(Piece::Placeholder(name));
        }
        let end = rest.char_indices().skip(1).find(|(_, c)| *c == '<').map_or(rest.len(), |(at, _)| at);
        let (words, behind) = rest.split_at(end);
        rest = behind;
        (!words.is_empty()).then_some(Piece::Words(words))
    })
}

/// The forms of a text: the same thing said of today and of other days.
pub(crate) fn forms(text: &str) -> impl Iterator<Item = &str> {
    text.split(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use Piece::{Placeholder, Words};

    #[test]
    fn texts_are_words_and_placeholders() {
        let read = |text| pieces(text).collect::<Vec<_>>();
        assert_eq!(read(""), []);
        assert_eq!(read("-"), [Words("-")]);
        assert_eq!(
            read("<FolderName> from <Store Name>."),
            [Placeholder("FolderName"), Words(" from "), Placeholder("Store Name"), Words(".")]
        );
        assert_eq!(read("a <b"), [Words("a "), Words("<b")]);
        assert_eq!(read("<a><b>"), [Placeholder("a"), Placeholder("b")]);
    }

    #[test]
    fn forms_stand_beside_each_other() {
        assert_eq!(forms("today <A> / yesterday <A>").collect::<Vec<_>>(), ["today <A>", "yesterday <A>"]);
        assert_eq!(forms("a/b").collect::<Vec<_>>(), ["a/b"]);
    }
}
