//! Looking into snapshots as into folders: names, single entries, content at any place, within bounds of what is read.

use crate::bench::Bench;
use crate::round_trip::noise;
use engine::EngineError;
use engine::browse::{Browser, Name, link_key};
use format::entry::{DataRun, Entry, EntryKind, flags};
use format::ranges::RangeList;
use model::{Code, SnapshotId};
use testkit::memory_remote::{Call, refusal};
use testkit::snapshot_writer::{entry, file, folder, symlink};

/// The names of a folder, listed in steps of so many.
fn names(
    browser: &Browser<'_>,
    snapshot: SnapshotId,
    folder: &str,
    step: usize,
) -> Result<Vec<String>, EngineError> {
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let mut taken = 0;
        browser.list(snapshot, folder.as_bytes(), after, &mut |name, next| {
            if taken == step {
                return false;
            }
            let path = match &name {
                Name::Entry(entry) => entry.path.clone(),
                Name::Implied(path) => [*path, b"?"].concat(),
            };
            found.push(String::from_utf8(path).unwrap());
            (after, taken) = (next, taken + 1);
            true
        })?;
        if taken == 0 {
            return Ok(found);
        }
    }
}

#[test]
fn a_folder_is_listed_in_steps_and_reads_only_the_hunks_that_it_needs() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_hunks_of(10);
    writer.add(folder(b"/")).add(folder(b"/a"));
    for number in 0..200 {
        writer.add(file(format!("/a/{number:03}").as_bytes(), 0));
    }
    writer.add(folder(b"/b")).add(file(b"/b/x", 0)).add(symlink(b"/c", b"a"));
    let snapshot = writer.commit();
    let browser = Browser::new(&bench.remote, &bench.keyring);
    let before = bench.remote.frames_sent();
    assert_eq!(names(&browser, snapshot, "/", 100).unwrap(), ["/a", "/b", "/c"]);
    assert!(bench.remote.calls(Call::Frames) <= 3, "{}", bench.remote.calls(Call::Frames));
    let top = bench.remote.frames_sent() - before;
    for step in [1, 7, 500] {
        assert_eq!(names(&browser, snapshot, "/a", step).unwrap().len(), 200, "{step}");
        assert_eq!(names(&browser, snapshot, "/b", step).unwrap(), ["/b/x"]);
        assert!(names(&browser, snapshot, "/b/x", step).unwrap().is_empty());
    }
    let all = bench.remote.frames_sent() - before;
    assert!(top <= all);
    // All of it is in memory now.
    let calls = bench.remote.calls(Call::Frames);
    assert_eq!(names(&browser, snapshot, "/a", 3).unwrap().len(), 200);
    assert_eq!(bench.remote.calls(Call::Frames), calls);
}

#[test]
fn entries_are_found_beside_continuations_and_at_the_ends_of_hunks() {
    let bench = Bench::new();
    let large = noise(40_000, 3);
    for hunk in [1, 2, 3, 5] {
        let mut writer = bench.writer().with_hunks_of(hunk).with_sizes(1000, 3000);
        let (mut first, mut second) = (RangeList::new(), RangeList::new());
        let ids = [writer.store(&large[..20_000], &mut first), writer.store(&large[20_000..], &mut second)];
        let whole = Entry { content: first, ..file(b"/f", large.len()) };
        let mut rest = Entry { content: second, size: 0, ..entry(b"/f", EntryKind::Continuation) };
        rest.rare.part = 1;
        writer.add(folder(b"/")).add(file(b"/e", 0));
        let [first_ids, second_ids] = ids;
        writer.add_with_ids(whole, first_ids).add_with_ids(rest, second_ids).add(file(b"/g", 0));
        let snapshot = writer.commit();
        let browser = Browser::new(&bench.remote, &bench.keyring);
        for (path, is_there) in
            [("/", true), ("/e", true), ("/f", true), ("/g", true), ("/ee", false), ("/f/x", false)]
        {
            let found = browser.find(snapshot, path.as_bytes()).unwrap();
            assert_eq!(found.is_some_and(|found| found.path == path.as_bytes()), is_there, "{path} {hunk}");
        }
        assert_eq!(names(&browser, snapshot, "/", 1).unwrap(), ["/e", "/f", "/g"]);
        let opened = browser.open(snapshot, b"/f").unwrap();
        assert!(browser.read(&opened, 0, 50_000).unwrap().0 == large, "{hunk}");
        assert!(browser.read(&opened, 30_000, 10).unwrap().0 == large[30_000..30_010]);
    }
}

#[test]
fn content_is_read_at_any_place_with_its_holes() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_sizes(1000, 3000);
    let large = noise(500_000, 1);
    let mut sparse = file(b"/sparse", 400_000);
    sparse.flags = flags::SPARSE;
    sparse.rare.runs = vec![DataRun { hole: 100_000, length: 2500 }, DataRun { hole: 7, length: 3 }];
    let data = noise(2503, 2);
    writer.add(folder(b"/")).add_file(file(b"/large", large.len()), &large);
    writer.add_file(sparse, &data).add(Entry { flags: flags::UNREAD, ..file(b"/unread", 5) });
    let snapshot = writer.commit();
    let browser = Browser::new(&bench.remote, &bench.keyring);

    let opened = browser.open(snapshot, b"/large").unwrap();
    // The tail is reached without what lies in front of it.
    let sent = bench.remote.frame_bytes_sent();
    assert!(browser.read(&opened, 499_900, 4096).unwrap().0 == large[499_900..]);
    assert!(bench.remote.frame_bytes_sent() - sent < 40_000);
    for (offset, size) in
        [(0, 10), (250_000, 7000), (2_999, 2), (120_000, 131_072), (0, 500_000), (499_999, 9)]
    {
        let end = (offset + size).min(large.len());
        assert!(
            browser.read(&opened, offset as u64, size).unwrap().0 == large[offset..end],
            "{offset} {size}"
        );
    }
    assert!(browser.read(&opened, 500_000, 10).unwrap().0.is_empty());
    assert!(browser.read(&opened, u64::MAX, 10).unwrap().0.is_empty());

    let mut expected = vec![0; 400_000];
    expected[100_000..102_500].copy_from_slice(&data[..2500]);
    expected[102_507..102_510].copy_from_slice(&data[2500..]);
    let opened = browser.open(snapshot, b"/sparse").unwrap();
    for (offset, size) in [(0, 400_000), (99_990, 20), (102_400, 200), (102_508, 1), (300_000, 100)] {
        assert!(browser.read(&opened, offset as u64, size).unwrap().0 == expected[offset..offset + size]);
    }
    let code = |path: &[u8]| browser.open(snapshot, path).unwrap_err().code();
    assert_eq!(
        [code(b"/"), code(b"/unread"), code(b"/none")],
        [Code::Usage, Code::PathMissing, Code::PathMissing]
    );
}

#[test]
fn what_is_fetched_ahead_is_not_fetched_again() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_sizes(64 << 10, 1 << 20);
    let large = noise(20 << 20, 1);
    writer.add(folder(b"/")).add_file(file(b"/large", large.len()), &large);
    let snapshot = writer.commit();
    let browser = Browser::new(&bench.remote, &bench.keyring);
    let opened = browser.open(snapshot, b"/large").unwrap();
    let (step, mut ahead) = (128 << 10, 0);
    for (number, wanted) in large.chunks(step).enumerate() {
        let (content, next) = browser.read(&opened, (number * step) as u64, step).unwrap();
        assert!(content == wanted);
        if let Some(next) = next {
            ahead += 1;
            browser.fetch_ahead(&opened, next);
        }
    }
    assert!((3..12).contains(&ahead), "{ahead}");
    let whole = bench.remote.frame_bytes_sent();
    assert!(whole < 21 << 20, "{whole}");
}

#[test]
fn damage_and_an_absent_server_are_errors_and_pass() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_sizes(1000, 3000).with_hunks_of(3);
    let large = noise(100_000, 1);
    writer.add(folder(b"/")).add_file(file(b"/large", large.len()), &large);
    for number in 0..20 {
        writer.add(file(format!("/n{number:02}").as_bytes(), 0));
    }
    let snapshot = writer.commit();
    let browser = Browser::new(&bench.remote, &bench.keyring);
    let opened = browser.open(snapshot, b"/large").unwrap();
    let middle = {
        let find = |reader: &engine::reader::SnapshotReader<'_>| reader.find(b"/large").unwrap().unwrap();
        let entry = bench.with_reader(snapshot, find);
        let ranges = entry.content.as_slice();
        (ranges[ranges.len() / 2].pack, ranges[ranges.len() / 2].frame)
    };
    bench.remote.lose_frame(middle);
    // Both sides of what is lost can be read.
    assert!(browser.read(&opened, 0, 20_000).unwrap().0 == large[..20_000]);
    assert!(browser.read(&opened, 80_000, 20_000).unwrap().0 == large[80_000..]);
    assert_eq!(browser.read(&opened, 0, 100_000).unwrap_err().code(), Code::DataDamaged);
    bench.remote.find_frame(middle);
    assert!(browser.read(&opened, 0, 100_000).unwrap().0 == large);

    let browser = Browser::new(&bench.remote, &bench.keyring);
    bench.remote.fail_when(|call, _| (call == Call::Frames).then(|| refusal(Code::ServerUnreachable, "cut")));
    assert_eq!(names(&browser, snapshot, "/", 5).unwrap_err().code(), Code::ServerUnreachable);
    assert_eq!(browser.read(&opened, 0, 10).unwrap_err().code(), Code::ServerUnreachable);
    bench.remote.fail_no_more();
    assert_eq!(names(&browser, snapshot, "/", 5).unwrap().len(), 21);
}

#[test]
fn a_part_of_the_list_that_is_lost_is_an_error_at_the_end() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_hunks_of(3);
    writer.add(folder(b"/"));
    for number in 0..20 {
        writer.add(file(format!("/n{number:02}").as_bytes(), 0));
    }
    let snapshot = writer.commit();
    let frame = bench.with_reader(snapshot, |reader| {
        let address = reader.hunk_addresses()[2];
        (address.pack, address.frame)
    });
    let browser = Browser::new(&bench.remote, &bench.keyring);
    bench.remote.lose_frame(frame);
    let error = names(&browser, snapshot, "/", 4).unwrap_err();
    assert_eq!(error.code(), Code::DataDamaged);
    bench.remote.find_frame(frame);
    assert_eq!(names(&browser, snapshot, "/", 4).unwrap().len(), 20);
}

#[test]
fn names_of_one_file_share_a_key() {
    let linked = |path: &[u8]| Entry { flags: flags::HARD_LINK, ino: 7, ..file(path, 3) };
    assert_eq!(link_key(&linked(b"/a")), link_key(&linked(b"/b")));
    assert!(link_key(&linked(b"/a")).is_some() && link_key(&file(b"/a", 3)).is_none());
}
