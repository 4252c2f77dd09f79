//! Words and numbers for people: sizes, counts, durations, times, and names that may hold any bytes.
//! It knows no command and prints nothing.

use model::Timestamp;
pub(crate) use model::text::{escaped, escaped_lines};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// A size such as `4.1 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be shown as 1024.0 is shown as 1.0 of the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A number with commas between its thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number and its noun, which takes an `s` unless the number is 1.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A duration such as `0.4 s`, `34 s`, `3 min 20 s` or `2 h 05 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", (time.as_millis() / 100) as f64 / 10.0),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A time in the zone of this machine, with the zone's name.
pub(crate) fn time(time: Timestamp) -> String {
    let zoned = time.to_jiff().to_zoned_datetime(jiff::tz::TimeZone::system());
    zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// A time of a file, in the zone of this machine, to the minute.
pub(crate) fn short_time(secs: i64) -> String {
    let zoned = Timestamp::from_secs(secs).to_jiff().to_zoned_datetime(jiff::tz::TimeZone::system());
    zoned.strftime("%Y-%m-%d %H:%M").to_string()
}

/// [`escaped`] of a path.
pub(crate) fn escaped_path(path: &Path) -> String {
    escaped(path.as_os_str().as_bytes())
}

/// Paths for a sentence: the first three, and how many more.
pub(crate) fn paths<'a>(paths: impl IntoIterator<Item = &'a Path>) -> String {
    let mut names = paths.into_iter().map(escaped_path);
    let shown: Vec<String> = names.by_ref().take(3).collect();
    match names.count() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// ` (sets: a, b)`, or nothing when there is none.
pub(crate) fn list_known(what: &str, known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!(" ({what}: {})", known.join(", ")) }
}

/// The text with its first letter in lower case, for the middle of a sentence.
pub(crate) fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_digit_after_the_point() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (1 << 20, "1.0 MiB"),
            (4_400_000_000, "4.1 GiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn counts_and_durations_read_well() {
        assert_eq!(["0", "999", "1,000", "12,345,678"], [0, 999, 1000, 12_345_678].map(count)[..]);
        assert_eq!((counted(1, "file"), counted(2, "file")), ("1 file".into(), "2 files".into()));
        let cases = [
            (0, "0.0 s"),
            (9_990, "9.9 s"),
            (59_999, "59 s"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 05 min"),
        ];
        for (millis, text) in cases {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn long_lists_of_paths_are_cut() {
        let all = ["/a", "/b", "/c", "/d", "/e"].map(Path::new);
        assert_eq!(paths(all[..2].iter().copied()), "/a, /b");
        assert_eq!(paths(all), "/a, /b, /c and 2 more");
    }
}
