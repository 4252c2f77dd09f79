//! Names of the folders above the files: sets, devices, snapshots. Pure.

use model::Timestamp;

/// What a snapshot's folder is called: its local time, without colons, which other systems refuse, and its id.
pub(super) fn of_snapshot(time: Timestamp, id: &str, is_complete: bool) -> String {
    let zoned = time.to_jiff().to_zoned_datetime(jiff::tz::TimeZone::system());
    let mark = if is_complete { "" } else { " incomplete" };
    format!("{} {id}{mark}", zoned.strftime("%Y-%m-%d %H.%M.%S"))
}

/// A name that one folder can have, for a name of any bytes.
fn plain(name: &[u8]) -> Vec<u8> {
    match name {
        b"" | b"." | b".." => [b"_", name].concat(),
        // Longer ones no file system takes.
        name => {
            name.iter().take(200).map(|byte| if matches!(byte, b'/' | 0) { b'_' } else { *byte }).collect()
        }
    }
}

/// Names for folders side by side, each once: where two would be equal, each has the beginning of its id behind it.
pub(super) fn apart<'n>(named: impl Iterator<Item = (&'n [u8], String)>) -> Vec<Vec<u8>> {
    let named: Vec<(Vec<u8>, String)> = named.map(|(name, id)| (plain(name), id)).collect();
    let is_twice = |name: &[u8]| named.iter().filter(|(other, _)| other == name).count() > 1;
    let apart = named.iter().map(|(name, id)| {
        let mark = if is_twice(name) { format!(" {}", &id[..id.len().min(8)]) } else { String::new() };
        [name, mark.as_bytes()].concat()
    });
    apart.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_single_folders_and_no_two_are_equal() {
        let named = [
            (&b"work"[..], "aaaaaaaaaa"),
            (b"a/b\0", "b"),
            (b"..", "c"),
            (b"", "d"),
            (b"work", "eeeeeeeeee"),
        ];
        let apart = apart(named.into_iter().map(|(name, id)| (name, id.to_owned())));
        assert_eq!(
            apart,
            [&b"work aaaaaaaa"[..], b"a_b_", b"_..", b"_", b"work eeeeeeee"].map(<[u8]>::to_vec)
        );
    }

    #[test]
    fn snapshots_are_named_by_time_and_id() {
        // Since 1972 the offsets of all zones are whole minutes.
        let time = Timestamp::from_secs(1_580_000_040);
        let name = of_snapshot(time, "3fa09c21", false);
        assert!(name.ends_with(" 3fa09c21 incomplete") && !name.contains(':') && name.len() == 39, "{name}");
        assert!(of_snapshot(time, "3fa09c21", true).ends_with(".00 3fa09c21"));
    }
}
