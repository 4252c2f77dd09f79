//! Text for terminals: names that may hold any bytes, and what a parser of arguments has to say.
//! Pure functions; nothing is printed here.

use crate::Code;
use std::fmt::Write;

/// A name as a terminal may show it: control characters and bytes that are no UTF-8 as `\xNN`.
pub fn escaped(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || is_direction_mark(character) {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(out, "\\x{byte:02x}");
                }
            } else {
                out.push(character);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// [`escaped`] of a text of several lines: the line breaks stay.
pub fn escaped_lines(text: &str) -> String {
    text.split('\n').map(|line| escaped(line.as_bytes())).collect::<Vec<_>>().join("\n")
}

/// Marks that make a terminal show the characters around them in another order, so that one name looks like another.
const fn is_direction_mark(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A command line that the parser refused, in the words of all errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongUsage {
    /// What is wrong, in one line.
    pub reason: String,
    /// The two lines of an error, and then the usage, as far as the parser told it. Ends with a line break.
    pub words: String,
}

impl WrongUsage {
    /// Reads what the parser says: a paragraph that begins with `error: `, then hints and usage. Where no command is
    /// named it is the help alone.
    pub fn of(said: &str) -> Self {
        let (reason, rest) = match said.strip_prefix("error: ") {
            Some(said) => said.split_once("\n\n").unwrap_or((said, "")),
            None => ("no command is named", said),
        };
        let reason = reason.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        // The advice of the code says this.
        let rest: Vec<&str> = rest.lines().filter(|line| !line.starts_with("For more information")).collect();
        let (code, advice) = (Code::Usage, Code::Usage.advice());
        let mut words = format!("error: {} [{code}]\n  {advice}\n", escaped(reason.as_bytes()));
        let rest = escaped_lines(rest.join("\n").trim_end());
        if !rest.is_empty() {
            let _ = writeln!(words, "\n{rest}");
        }
        Self { reason, words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_reaches_the_terminal_as_an_order() {
        assert_eq!(escaped("Schlüssel ☂".as_bytes()), "Schlüssel ☂");
        assert_eq!(escaped(b"a\x1b[31mb\n\xff"), "a\\x1b[31mb\\x0a\\xff");
        assert_eq!(escaped("a\u{202e}b\u{9b}".as_bytes()), "a\\xe2\\x80\\xaeb\\xc2\\x9b");
        assert_eq!(escaped_lines("a\x1b\n\nb\n"), "a\\x1b\n\nb\n");
    }

    #[test]
    fn wrong_usage_reads_like_every_error() {
        let said = "error: these are missing:\n  --to <DIR>\n\nUsage: h restore\n\nFor more information, try '--help'.\n";
        let expected =
            "error: these are missing: --to <DIR> [usage]\n  See --help.\n\nUsage: h restore\n".to_owned();
        let reason = "these are missing: --to <DIR>".to_owned();
        assert_eq!(WrongUsage::of(said), WrongUsage { reason, words: expected });
        let help = WrongUsage::of("Back up\n\nUsage: h COMMAND\n");
        assert!(help.words.starts_with("error: no command is named [usage]\n"), "{help:?}");
        assert!(help.words.ends_with("\n\nBack up\n\nUsage: h COMMAND\n"), "{help:?}");
        let short = WrongUsage::of("error: no \x1b[31m here\n\nFor more information, try '--help'.\n");
        assert_eq!(short.words, "error: no \\x1b[31m here [usage]\n  See --help.\n");
    }
}
