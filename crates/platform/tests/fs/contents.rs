//! Where data lies in a file, free space and kinds of file systems.

use crate::{folder, read, write};
use platform::file::{self, Segment};
use platform::{Dir, FileSystemKind, MountTable, free_space};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

fn segments(file: &File) -> Vec<Segment> {
    let size = file::stat(file).unwrap().size_bytes;
    file::segments(file, size).map(Result::unwrap).collect()
}

#[test]
fn a_sparse_file_of_a_terabyte_has_only_the_segments_that_were_written() {
    const TERABYTE: u64 = 1 << 40;
    let (_temp, dir) = folder();
    let file = dir.create_file(b"sparse").unwrap();
    file.set_len(TERABYTE).unwrap();
    assert_eq!(segments(&file), []);
    let places = [0, TERABYTE / 2, TERABYTE - 5];
    for place in places {
        file.write_at(b"datum", place).unwrap();
    }
    let stat = file::stat(&file).unwrap();
    assert_eq!(stat.size_bytes, TERABYTE);
    assert!(stat.may_have_holes());
    let found = segments(&file);
    assert_eq!(found.len(), places.len());
    for (segment, place) in found.iter().zip(places) {
        assert!(segment.offset <= place && place + 5 <= segment.offset + segment.len);
        assert!(segment.len <= 1 << 21, "{segment:?}");
    }
    assert_eq!(found[2].offset + found[2].len, TERABYTE);
}

#[test]
fn a_full_file_is_one_segment_and_an_empty_one_none() {
    let (_temp, dir) = folder();
    write(&dir, b"full", &[1; 100_000]);
    write(&dir, b"empty", b"");
    let full = dir.open_file(b"full").unwrap();
    assert_eq!(segments(&full), [Segment { offset: 0, len: 100_000 }]);
    assert_eq!(segments(&dir.open_file(b"empty").unwrap()), []);
    // A file that shrank since its size was taken still ends; one that grew is read as far as asked.
    let beyond: Vec<_> = file::segments(&full, 200_000).map(Result::unwrap).collect();
    assert_eq!(beyond, [Segment { offset: 0, len: 100_000 }]);
    let part: Vec<_> = file::segments(&full, 50).map(Result::unwrap).collect();
    assert_eq!(part, [Segment { offset: 0, len: 50 }]);
}

#[test]
fn a_file_system_that_cannot_tell_gives_one_whole_segment() {
    let proc = Dir::open_root(Path::new("/proc")).unwrap();
    let version = proc.open_file(b"version").unwrap();
    let found: Vec<_> = file::segments(&version, 4096).map(Result::unwrap).collect();
    assert_eq!(found, [Segment { offset: 0, len: 4096 }]);
    // What is no file at all is an error.
    let (_temp, dir) = folder();
    dir.create_special(b"pipe", platform::FileKind::Fifo, (0, 0), 0o600).unwrap();
    let pipe = dir.open_file(b"pipe").unwrap();
    let mut found = file::segments(&pipe, 10);
    assert!(found.next().unwrap().is_err());
    assert!(found.next().is_none());
}

#[test]
fn content_is_read_and_written_at_offsets() {
    let (_temp, dir) = folder();
    write(&dir, b"file", b"0123456789");
    let file = dir.open_file_to_write(b"file").unwrap();
    file::write_all_at(&file, b"ab", 9).unwrap();
    let mut buffer = [0; 4];
    assert_eq!(file::read_at(&file, &mut buffer, 7), Ok(4));
    assert_eq!(&buffer, b"78ab");
    assert_eq!(file::read_at(&file, &mut buffer, 9), Ok(2));
    assert_eq!(file::read_at(&file, &mut buffer, 11), Ok(0));
    assert!(file::read_at(&dir.open_file(b"file").unwrap(), &mut buffer, u64::MAX).is_err());
    file::will_read_through(&file).unwrap();
    file::start_writeback(&file, 0, 4).unwrap();
    assert_eq!(read(&dir, b"file"), b"012345678ab");
}

#[test]
fn space_and_kinds_of_file_systems_are_known() {
    let (temp, dir) = folder();
    let space = dir.free_space().unwrap();
    assert!(space.total_bytes > 0 && space.available_bytes <= space.total_bytes);
    assert!(free_space(temp.path()).unwrap().total_bytes == space.total_bytes);
    assert!(free_space(&temp.path().join("missing")).unwrap_err().is_not_found());

    assert_ne!(dir.file_system_kind().unwrap(), FileSystemKind::Pseudo);
    let proc = Dir::open_root(Path::new("/proc")).unwrap();
    assert_eq!(proc.file_system_kind().unwrap(), FileSystemKind::Pseudo);
}

#[test]
fn the_mount_of_an_entry_is_found_by_its_id() {
    let table = MountTable::read().unwrap();
    assert!(table.at(b"/").is_some());
    let proc = Dir::open_root(Path::new("/proc")).unwrap().stat_self().unwrap();
    let (_temp, dir) = folder();
    let own = dir.stat_self().unwrap();
    if proc.mount_id.is_none() {
        return testkit::not_run("this kernel does not tell the ids of mounts");
    }
    let mount = table.of(&proc).unwrap();
    assert_eq!((mount.kind, &mount.type_name[..]), (FileSystemKind::Pseudo, &b"proc"[..]));
    assert_ne!(own.mount_id, proc.mount_id);
    assert_ne!(table.of(&own).unwrap().kind, FileSystemKind::Pseudo);
}
