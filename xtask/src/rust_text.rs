//! Rust source cut into code, comments and string literals, as far as the checks need it.
//! It knows the lexer's rules for comments, strings and characters, and nothing of the grammar.

/// One file's text as three layers. `code` and `comments` have the line breaks of the source,
/// and spaces in place of all that belongs to another layer.
pub(crate) struct RustText {
    /// Code with the contents of comments, strings and characters blanked; their quotes stay.
    pub(crate) code: String,
    /// Comments of every kind, their markers included.
    pub(crate) comments: String,
    /// The contents of string literals as written (escapes not resolved), with their 1-based line.
    pub(crate) strings: Vec<(usize, String)>,
}

impl RustText {
    /// Cuts `source`; unfinished literals and comments run to the end of the file.
    pub(crate) fn read(source: &str) -> Self {
        let mut cutter = Cutter {
            source: source.chars().collect(),
            at: 0,
            line: 1,
            text: Self { code: String::new(), comments: String::new(), strings: Vec::new() },
        };
        while cutter.at < cutter.source.len() {
            cutter.step();
        }
        cutter.text
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Layer {
    Code,
    Comment,
    Literal,
}

struct Cutter {
    source: Vec<char>,
    at: usize,
    line: usize,
    text: RustText,
}

impl Cutter {
    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (Some('/'), Some('/')) => self.take_while(Layer::Comment, |c| c != '\n'),
            (Some('/'), Some('*')) => self.block_comment(),
            (Some('"'), _) => self.string(),
            (Some('r'), Some('"' | '#')) if self.raw_hashes().is_some() => self.raw_string(),
            (Some('\''), _) => self.character_or_lifetime(),
            _ => self.take(Layer::Code),
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0usize;
        while self.at < self.source.len() {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                _ => {
                    self.take(Layer::Comment);
                    continue;
                }
            }
            self.take(Layer::Comment);
            self.take(Layer::Comment);
            if depth == 0 {
                break;
            }
        }
    }

    fn string(&mut self) {
        self.take(Layer::Code);
        let (line, start) = (self.line, self.at);
        while let Some(c) = self.peek(0) {
            match c {
                '"' => break,
                '\\' => {
                    self.take(Layer::Literal);
                    self.take(Layer::Literal);
                }
                _ => self.take(Layer::Literal),
            }
        }
        self.keep(line, start, self.at);
        self.take(Layer::Code);
    }

    /// The number of `#` of a raw string that starts at the `r` here, if one does.
    fn raw_hashes(&self) -> Option<usize> {
        // `br"` and `cr"` are prefixes, `over"` is not.
        let mut before =
            self.source[..self.at].iter().rev().take_while(|c| c.is_alphanumeric() || **c == '_');
        if before.next().is_some_and(|c| !matches!(c, 'b' | 'c')) || before.next().is_some() {
            return None;
        }
        let hashes = self.source[self.at + 1..].iter().take_while(|c| **c == '#').count();
        (self.peek(1 + hashes) == Some('"')).then_some(hashes)
    }

    fn raw_string(&mut self) {
        let hashes = self.raw_hashes().unwrap_or_default();
        for _ in 0..hashes + 2 {
            self.take(Layer::Code);
        }
        let (line, start) = (self.line, self.at);
        let ends =
            |cutter: &Self| cutter.peek(0) == Some('"') && (1..=hashes).all(|n| cutter.peek(n) == Some('#'));
        while self.at < self.source.len() && !ends(self) {
            self.take(Layer::Literal);
        }
        self.keep(line, start, self.at);
        for _ in 0..=hashes {
            self.take(Layer::Code);
        }
    }

    fn character_or_lifetime(&mut self) {
        self.take(Layer::Code);
        if self.peek(0) == Some('\\') {
            self.take(Layer::Literal);
            self.take(Layer::Literal);
            self.take_while(Layer::Literal, |c| c != '\'' && c != '\n');
            self.take(Layer::Code);
        } else if self.peek(1) == Some('\'') {
            self.take(Layer::Literal);
            self.take(Layer::Code);
        }
    }

    fn keep(&mut self, line: usize, start: usize, end: usize) {
        self.text.strings.push((line, self.source[start..end].iter().collect()));
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.source.get(self.at + ahead).copied()
    }

    fn take_while(&mut self, layer: Layer, wanted: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.take(layer);
        }
    }

    fn take(&mut self, layer: Layer) {
        let Some(c) = self.peek(0) else { return };
        self.at += 1;
        if c == '\n' {
            self.line += 1;
        }
        let shown = |wanted| if c == '\n' || layer == wanted { c } else { ' ' };
        self.text.code.push(shown(Layer::Code));
        self.text.comments.push(shown(Layer::Comment));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_leave_the_code() {
        let text = RustText::read("a(); // unsafe\n/* x /* unsafe */ y */ b();");
        assert!(!text.code.contains("unsafe"));
        assert!(text.code.contains("a();") && text.code.contains("b();"));
        assert_eq!(text.comments.matches("unsafe").count(), 2);
    }

    #[test]
    fn strings_leave_the_code_and_are_kept() {
        let text = RustText::read(
            "f(\"un\\\"safe // no\", r#\"raw \"x\" \"#, b'\\'', 'a', br\"bytes\");\nf(\"two\")",
        );
        let strings: Vec<_> = text.strings.iter().map(|(line, s)| (*line, s.as_str())).collect();
        assert_eq!(strings, [(1, "un\\\"safe // no"), (1, "raw \"x\" "), (1, "bytes"), (2, "two")]);
        assert!(text.comments.trim().is_empty());
        assert!(!text.code.contains("raw") && !text.code.contains("safe"));
    }

    #[test]
    fn lifetimes_are_no_characters() {
        let text = RustText::read("fn f<'a>(x: &'a str) -> &'a str { g('\"', \"s\") }");
        assert_eq!(text.strings, [(1, "s".to_owned())]);
        assert!(text.code.contains("fn f<'a>(x: &'a str)"));
    }

    #[test]
    fn line_breaks_stay_in_every_layer() {
        let source = "/* a\nb */ \"c\nd\" // e\n";
        let text = RustText::read(source);
        assert_eq!(text.code.matches('\n').count(), 3);
        assert_eq!(text.comments.matches('\n').count(), 3);
    }

    #[test]
    fn an_identifier_that_ends_in_r_opens_no_raw_string() {
        let text = RustText::read("our\"x\"; // end");
        assert_eq!(text.strings, [(1, "x".to_owned())]);
        assert!(text.comments.contains("end"));
    }
}
