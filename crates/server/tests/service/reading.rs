//! Frames and the index: what is given, in which order, and what damage costs.

use crate::support::Site;
use crate::support::agent::{DEFAULT, noise};
use crate::support::device::Device;
use engine::remote::{IndexIds, LogPosition, Remote};
use format::segment::{IdTable, Segment};
use model::{Code, Damaged, PackId};
use server::admin::Command;
use std::os::unix::fs::FileExt;

#[test]
fn frames_come_in_the_order_asked_and_only_through_the_snapshot() {
    let site = Site::new();
    let device = site.device("anna");
    let one = device.agent.tree(&[noise(1, 3_000), noise(2, 3_000), noise(3, 3_000)], DEFAULT);
    let two = device.agent.tree(&[noise(4, 3_000)], DEFAULT);
    device.back_up(&one, DEFAULT);
    device.back_up(&two, DEFAULT);
    let wanted = [
        (one.data.id, 2),
        (one.hunks.id, 0),
        (two.data.id, 0),
        (PackId::random(), 0),
        (one.data.id, 0),
        (one.data.id, 9),
    ];
    let mut seen = Vec::new();
    device
        .remote
        .frames(one.snapshot, &wanted, &mut |id, frame| {
            let content = frame.map(|frame| frame.ciphertext.len()).map_err(|error| error.code);
            seen.push((id, content.is_ok(), content.err()));
            Ok(())
        })
        .unwrap();
    let missing = Some(Code::NotFound);
    let expected = [
        (wanted[0], true, None),
        (wanted[1], true, None),
        (wanted[2], false, missing),
        (wanted[3], false, missing),
        (wanted[4], true, None),
        (wanted[5], false, missing),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn damage_costs_only_itself() {
    let site = Site::new();
    let device = site.device("anna");
    let tree = device.agent.tree(&[noise(1, 3_000), noise(2, 3_000), noise(3, 3_000)], DEFAULT);
    device.back_up(&tree, DEFAULT);
    let key = site.objects(&format!("vaults/{}/packs/", device.vault()));
    let key = key.iter().find(|key| key.contains(&tree.data.id.to_string())).unwrap();
    let row = &tree.data.table.frames[1];
    let file = std::fs::File::options().write(true).open(site.object_path(key)).unwrap();
    file.write_all_at(&[0; 16], u64::from(row.offset)).unwrap();
    assert_eq!(device.unreadable(&tree), [Code::DataDamaged]);
    let verified = site.run(Command::Verify { read_data: true }).unwrap();
    assert_eq!(verified.exit_status(), model::code::exit::DAMAGED);
    let view = verified.to_json().unwrap();
    let vault = &view["vaults"][0];
    assert_eq!((vault["damage_count"].as_u64(), vault["damages"][0]["frame"].as_u64()), (Some(1), Some(1)));
    assert_eq!(vault["affected_snapshots"][0].as_str(), Some(tree.snapshot.to_string().as_str()));
}

#[test]
fn many_frames_are_streamed() {
    let site = Site::new();
    let device = site.device("anna");
    let chunks: Vec<_> = (0..40).map(|seed| noise(seed, 300_000)).collect();
    let tree = device.agent.tree(&chunks, DEFAULT);
    device.back_up(&tree, DEFAULT);
    assert!(device.unreadable(&tree).is_empty());
    let wanted = vec![(tree.data.id, 3); 4_097];
    let mut count = 0;
    device
        .remote
        .frames(tree.snapshot, &wanted[..200], &mut |_, frame| {
            frame.unwrap();
            count += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(count, 200);
    let line = format!("POST {}", api::routes::snapshot_frames(device.vault(), tree.snapshot));
    let body = vec![0; 20 * wanted.len()];
    let refused = site.request(&device, &line, "content-type: application/octet-stream\r\n", &body);
    assert_eq!(refused.code(), "request_too_large");
}

#[test]
fn the_index_is_given_from_a_number_on() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let read = |after: Option<LogPosition>| {
        let mut numbers = Vec::new();
        device.remote.index(after, IndexIds::All, &mut |segment| {
            numbers.push((segment.from, segment.to));
            Ok(())
        })?;
        Ok::<_, engine::remote::RemoteError>(numbers)
    };
    assert_eq!(read(None).unwrap(), [(1, 1)]);
    for seed in 0..3 {
        device.send(&lease, &device.agent.data_pack(&[vec![noise(seed, 100)]]));
    }
    assert_eq!(read(None).unwrap(), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    let at = |sequence| Some(LogPosition { sequence, ..lease.position });
    assert_eq!(read(at(2)).unwrap(), [(3, 3), (4, 4)]);
    assert!(read(at(4)).unwrap().is_empty());
    assert_eq!(read(at(5)).unwrap_err().code, Code::IndexGap);
    let other = Some(LogPosition { incarnation: [1; 16], sequence: 2 });
    assert_eq!(read(other).unwrap_err().code, Code::IndexGap);
    let path = format!("GET {}?after=2", api::routes::index(device.vault()));
    assert_eq!(site.request(&device, &path, "", b"").code(), "request_invalid");
    let path = format!("GET {}?ids=some", api::routes::index(device.vault()));
    assert_eq!(site.request(&device, &path, "", b"").code(), "request_invalid");
}

#[test]
fn the_index_is_given_without_the_ids_of_data_and_a_lease_says_how_many_they_are() {
    let site = Site::new();
    let device = site.device("anna");
    assert_eq!(device.grant("default").data_ids, 0);
    let tree = device.agent.tree(&[noise(1, 3_000), noise(2, 3_000), noise(3, 3_000)], DEFAULT);
    device.back_up(&tree, DEFAULT);
    assert_eq!(device.grant("default").data_ids, 3);
    let read = |ids| {
        let mut segments = Vec::new();
        let mut take = |segment| {
            segments.push(segment);
            Ok(())
        };
        device.remote.index(None, ids, &mut take).unwrap();
        segments
    };
    let all = read(IndexIds::All);
    let of_hunks = read(IndexIds::Hunks);
    let count =
        |segments: &[Segment]| segments.iter().map(|segment| segment.data_ids.ids.len()).sum::<usize>();
    assert_eq!((count(&all), count(&of_hunks)), (3, 0));
    let stripped = |segment: Segment| Segment { data_ids: IdTable::default(), ..segment };
    assert_eq!(of_hunks, all.into_iter().map(stripped).collect::<Vec<_>>());
}

#[test]
fn ids_of_frames_are_given_without_their_content() {
    let mut site = Site::new();
    let device = site.device("anna");
    let trees = [1, 2].map(|seed| device.agent.tree(&[noise(seed, 3_000), noise(seed + 10, 3_000)], DEFAULT));
    for tree in &trees {
        device.back_up(tree, DEFAULT);
    }
    let [tree, other] = &trees;
    let wanted = [(tree.data.id, 1), (tree.data.id, 0), (other.data.id, 0), (tree.data.id, 9)];
    let read = |device: &Device| {
        let mut found = Vec::new();
        let result = device.remote.frame_ids(tree.snapshot, &wanted, &mut |name, ids| {
            found.push((name, ids.map_err(|error| error.code)));
            Ok(())
        });
        result.map(|()| found).map_err(|error| error.code)
    };
    let ids = |frame: usize| Ok(tree.data.table.frames[frame].ids.clone());
    let answers = [ids(1), ids(0), Err(Code::NotFound), Err(Code::NotFound)];
    assert_eq!(read(&device), Ok(wanted.into_iter().zip(answers).collect()));
    assert_eq!(read(&site.device("bert")), Err(Code::SnapshotUnknown));

    // A pack that is lost is noted as damage.
    let keys = site.objects("vaults/");
    let name = format!("/{}.0", tree.data.id);
    std::fs::remove_file(site.object_path(keys.iter().find(|key| key.ends_with(&name)).unwrap())).unwrap();
    site.restart();
    let device = site.again(&device, device.counter.clone());
    let lost = Err(Code::DataDamaged);
    let answers = [lost.clone(), lost, Err(Code::NotFound), Err(Code::NotFound)];
    assert_eq!(read(&device), Ok(wanted.into_iter().zip(answers).collect()));
    assert!(device.remote.damage().unwrap().contains(&Damaged::pack(tree.data.id)));
}

#[test]
fn a_sample_of_the_log_is_given_under_a_lease() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let pack = device.agent.data_pack(&[vec![noise(1, 100)]]);
    device.send(&lease, &pack);
    let mut seen = Vec::new();
    device
        .remote
        .sample_frames(lease.id, &[(pack.id, 0), (pack.id, 1)], &mut |_, frame| {
            seen.push(frame.map(|frame| frame.ids).map_err(|error| error.code));
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, [Ok(vec![device.agent.keys.chunk_id(&noise(1, 100))]), Err(Code::NotFound)]);
}

#[test]
fn names_of_files_are_nowhere_at_the_server() {
    let site = Site::new();
    site.run(Command::UserAdd { name: "paula".into(), custody: Some(model::Custody::Private) }).unwrap();
    let device = site.device("paula");
    let tree = device.agent.tree(&[b"planted secret content".to_vec()], DEFAULT);
    device.back_up(&tree, DEFAULT);
    let mut files = 0;
    let mut folders = vec![site.data().path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap();
            let holds = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
            assert!(!holds(b"secret-name") && !holds(b"planted"), "{}", entry.path().display());
            files += 1;
        }
    }
    assert!(files > 10);
    let listed = site.json(Command::SnapshotList { user: None, deleted: true }).to_string();
    assert!(!listed.contains("planted"));
}
