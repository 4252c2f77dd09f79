//! Colours for single words of what people read. They add nothing that the words do not say.

use anstyle::{AnsiColor, Style};
use std::fmt::Display;

/// What a word is to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something came or is well.
    Good,
    /// Something went or is wrong.
    Bad,
    /// Something is to be looked at.
    Notable,
}

/// `word` in the colour of `tone`.
pub fn painted(word: impl Display, tone: Tone) -> String {
    let colour = match tone {
        Tone::Good => AnsiColor::Green,
        Tone::Bad => AnsiColor::Red,
        Tone::Notable => AnsiColor::Yellow,
    };
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{word}{style:#}")
}

/// A remark with its first word painted when that says that it is an error or a warning.
pub fn remark(text: &str) -> String {
    for (word, tone) in [("error:", Tone::Bad), ("warning:", Tone::Notable)] {
        if let Some(rest) = text.strip_prefix(word) {
            return painted(word, tone) + rest;
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_itself_is_painted() {
        assert_eq!(painted("added", Tone::Good), "\x1b[32madded\x1b[0m");
        assert_eq!(remark("error: no\n  error: x"), "\x1b[31merror:\x1b[0m no\n  error: x");
        assert_eq!(remark("warning: so"), "\x1b[33mwarning:\x1b[0m so");
        assert_eq!(remark("An error: no"), "An error: no");
    }
}
