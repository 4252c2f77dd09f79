//! Names of users and administrators, and how sizes and lengths of time are shown.

use crate::{Error, Result};
use model::Code;

const NAME_MAX: usize = 64;

/// Checks the name of a user or administrator.
pub fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    let length = name.chars().count();
    if length == 0 || length > NAME_MAX || !name.chars().all(allowed) {
        return Err(Error::refused(Code::NameInvalid, format!("{name:?} is not a name that can be used")));
    }
    Ok(())
}

/// A length of time in the largest unit that fits.
pub fn show_duration(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let fits = |size: u64| seconds >= size && seconds.is_multiple_of(size);
    let (size, unit) = units.into_iter().find(|(size, _)| fits(*size)).unwrap_or((1, "s"));
    format!("{}{unit}", seconds / size)
}

/// A number and its noun, such as `1 vault` or `3 vaults`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A number of bytes for people.
pub fn show_bytes(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1_024.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < units.len() {
        size /= 1_024.0;
        unit += 1;
    }
    format!("{size:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for name in ["anna", "Jürgen", "a.b-c_d@example.org"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "a/b", "a\n", &"x".repeat(65)] {
            assert_eq!(check_name(name).unwrap_err().code(), Code::NameInvalid, "{name}");
        }
    }

    #[test]
    fn lengths_of_time_are_shown() {
        let shown: Vec<_> = [0, 59, 60, 5_400, 3_600, 86_400].map(show_duration).into();
        assert_eq!(shown, ["0s", "59s", "1m", "90m", "1h", "1d"]);
    }

    #[test]
    fn sizes_are_shown() {
        assert_eq!(show_bytes(1_023), "1023 B");
        assert_eq!(show_bytes(1_536), "1.5 KiB");
        assert_eq!(show_bytes(1 << 30), "1.0 GiB");
    }
}
