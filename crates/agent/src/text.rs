//! Words and numbers for people: sizes, counts, durations, times, and names that may hold any bytes.
//! It knows no command and prints nothing.

use jiff::tz::TimeZone;
use model::Timestamp;
pub(crate) use model::text::{escaped, escaped_lines};
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
    let zoned = time.to_jiff().to_zoned_datetime(TimeZone::system());
    zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// A time of a file, in the zone of this machine, to the minute.
pub(crate) fn short_time(secs: i64) -> String {
    short_time_in(secs, &TimeZone::system())
}

fn short_time_in(secs: i64, zone: &TimeZone) -> String {
    let zoned = Timestamp::from_secs(secs).to_jiff().to_zoned_datetime(zone.clone());
    zoned.strftime("%Y-%m-%d %H:%M").to_string()
}

/// [`escaped`] of a path.
pub(crate) fn escaped_path(path: &Path) -> String {
    escaped(platform::path::bytes(path))
}

/// A name as one word of a command that is printed to be copied. What a terminal must not be shown stands in it as
/// `$'\xNN'`, which bash and zsh take for the byte itself.
pub(crate) fn quoted(name: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+@%:,".contains(byte);
    let shown = escaped(name);
    if !name.is_empty() && name.iter().all(is_plain) {
        shown
    } else if shown.as_bytes() == name {
        format!("'{}'", shown.replace('\'', r"'\''"))
    } else {
        // A backslash of the name itself is doubled before others are added.
        let doubled: Vec<u8> = name.iter().flat_map(|byte| escape_of(byte).iter().copied()).collect();
        format!("$'{}'", escaped(&doubled))
    }
}

/// The byte inside of `$'…'`.
fn escape_of(byte: &u8) -> &[u8] {
    match byte {
        b'\\' => br"\\",
        b'\'' => br"\'",
        other => std::slice::from_ref(other),
    }
}

/// The option that names a set, for a command that is printed: a name that begins with a dash would be an option.
pub(crate) fn set_option(name: &str) -> String {
    let joint = if name.starts_with('-') { '=' } else { ' ' };
    format!("--set{joint}{}", quoted(name.as_bytes()))
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
    fn a_shell_reads_quoted_names_as_what_they_are() {
        let names: [&[u8]; 9] = [
            b"/home/ada/notes-2.txt",
            b"/home/ada/My Documents",
            b"~/$HOME `date` * & \"x\"",
            b"it's",
            b"",
            b"a\\b\n'\xff0",
            "Gr\u{fc}\u{df}e \u{202e}".as_bytes(),
            b"#x",
            b"-x",
        ];
        for name in names {
            let command = format!("printf %s:%s {} end", quoted(name));
            let printed = std::process::Command::new("bash").args(["-c", &command]).output().unwrap();
            assert_eq!(printed.stdout, [name, b":end"].concat(), "{command}");
            assert_eq!(escaped(quoted(name).as_bytes()), quoted(name), "fit for a terminal");
        }
        assert_eq!(quoted(names[0]), "/home/ada/notes-2.txt");
        assert_eq!(quoted(names[1]), "'/home/ada/My Documents'");
        assert_eq!((set_option("work"), set_option("-x")), ("--set work".into(), "--set=-x".into()));
    }

    #[test]
    fn times_of_files_are_those_of_the_zone_to_the_minute() {
        let at = |hours| short_time_in(1_580_000_000, &TimeZone::fixed(jiff::tz::offset(hours)));
        assert_eq!([-5, 0, 14].map(at), ["2020-01-25 19:53", "2020-01-26 00:53", "2020-01-26 14:53"]);
    }

    #[test]
    fn long_lists_of_paths_are_cut() {
        let all = ["/a", "/b", "/c", "/d", "/e"].map(Path::new);
        assert_eq!(paths(all[..2].iter().copied()), "/a, /b");
        assert_eq!(paths(all), "/a, /b, /c and 2 more");
    }
}
