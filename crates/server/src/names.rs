//! Names of users and administrators, and lengths of time, as people type them.

use crate::{Error, Result};
use model::Code;
use std::time::Duration;

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

/// Reads a length of time such as `90s`, `30m`, `24h`, `7d` or `2w`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no length of time such as 90s, 30m, 24h, 7d or 2w");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(wrong()),
    };
    let number = &text[..text.len() - 1];
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let count: u64 = number.parse().map_err(|_| wrong())?;
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

/// Reads a size such as `0`, `64MiB`, `500G` or `2TiB`; all units count by 1,024.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is no size such as 512MiB or 20GiB");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
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
    fn lengths_of_time_are_read_and_shown() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("7d"), Ok(Duration::from_secs(604_800)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        for text in
            ["", "7", "d", "-1d", "1.5h", "1y", "99999999999999999999d", "18446744073709551615w", "7é"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        let shown: Vec<_> = [0, 59, 60, 5_400, 3_600, 86_400].map(show_duration).into();
        assert_eq!(shown, ["0s", "59s", "1m", "90m", "1h", "1d"]);
    }

    #[test]
    fn sizes_are_read_and_shown() {
        assert_eq!(parse_size("0"), Ok(0));
        assert_eq!(parse_size("512MiB"), Ok(512 << 20));
        assert_eq!(parse_size("2T"), Ok(2 << 40));
        for text in ["", "MiB", "1.5G", "-1", "1x", "99999999T"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        assert_eq!(show_bytes(1_023), "1023 B");
        assert_eq!(show_bytes(1_536), "1.5 KiB");
        assert_eq!(show_bytes(1 << 30), "1.0 GiB");
    }
}
