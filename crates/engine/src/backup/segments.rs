//! Where a file has data, in no more runs than one entry lists: the smallest holes between them count as data.

use platform::Result;
use platform::file::{self, Segment};
use std::fs::File;

/// The data of a file of `size_bytes`, as `most` runs at most.
pub(super) fn of(file: &File, size_bytes: u64, most: usize) -> Result<Vec<Segment>> {
    let mut list = Vec::new();
    for segment in file::segments(file, size_bytes) {
        list.push(segment?);
        // A file may have more runs than memory should be taken for.
        if list.len() >= 8 * most {
            fit(&mut list, most);
        }
    }
    fit(&mut list, most);
    Ok(list)
}

/// Joins neighbours across the smallest holes until `most` are left.
fn fit(list: &mut Vec<Segment>, most: usize) {
    let Some(excess) = list.len().checked_sub(most.max(1)).filter(|excess| *excess > 0) else { return };
    let hole = |before: &Segment, after: &Segment| after.offset - (before.offset + before.len);
    let mut holes: Vec<u64> = list.windows(2).map(|two| hole(&two[0], &two[1])).collect();
    let largest = *holes.select_nth_unstable(excess - 1).1;
    // Of holes as large as the largest that goes, only so many go.
    let mut equal = excess - holes.iter().filter(|hole| **hole < largest).count();
    list.dedup_by(|after, before| {
        let hole = hole(before, after);
        let joins = hole < largest || (hole == largest && equal > 0);
        if joins {
            equal -= usize::from(hole == largest);
            before.len = after.offset + after.len - before.offset;
        }
        joins
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    fn segments(list: &[(u64, u64)]) -> Vec<Segment> {
        list.iter().map(|(offset, len)| Segment { offset: *offset, len: *len }).collect()
    }

    #[test]
    fn the_smallest_holes_count_as_data() {
        // Holes of 10, 1, 5, 1 and 7 between them.
        let all = [(3, 7), (20, 9), (30, 5), (40, 9), (50, 3), (60, 1)];
        let fitted = |most| {
            let mut list = segments(&all);
            fit(&mut list, most);
            list.iter().map(|segment| (segment.offset, segment.len)).collect::<Vec<_>>()
        };
        assert_eq!(fitted(6), all);
        assert_eq!(fitted(5), [(3, 7), (20, 15), (40, 9), (50, 3), (60, 1)]);
        assert_eq!(fitted(4), [(3, 7), (20, 15), (40, 13), (60, 1)]);
        assert_eq!(fitted(3), [(3, 7), (20, 33), (60, 1)]);
        assert_eq!(fitted(1), [(3, 58)]);
    }

    #[test]
    fn a_file_with_many_holes_has_few_runs() {
        let folder = tempfile::tempdir().unwrap();
        let file =
            File::options().create_new(true).read(true).write(true).open(folder.path().join("f")).unwrap();
        for at in 0..100u64 {
            file.write_all_at(b"data", at * 65_536).unwrap();
        }
        file.set_len(100 * 65_536).unwrap();
        for most in [4, 20] {
            let list = of(&file, 100 * 65_536, most).unwrap();
            assert!(!list.is_empty() && list.len() <= most, "{} runs", list.len());
            let is_covered = |at| list.iter().any(|run| run.offset <= at && at + 4 <= run.offset + run.len);
            assert!((0..100).all(|at| is_covered(at * 65_536)));
        }
    }
}
