//! Damage is remembered by whoever finds it, told to agents, and forgotten when it is gone.

use crate::support::agent::{BuiltPack, DEFAULT, Tree, noise};
use crate::support::device::Device;
use crate::support::{DAY, Site, problems};
use engine::remote::Remote;
use format::ranges::RangeList;
use model::code::exit;
use model::{Code, Damaged};
use server::admin::{Command, SettingsChange};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

/// A device with one snapshot of three frames.
fn site() -> (Site, Device, Tree) {
    let site = Site::new();
    let device = site.device("anna");
    let tree = device.agent.tree(&[noise(1, 3_000), noise(2, 3_000), noise(3, 3_000)], DEFAULT);
    device.back_up(&tree, DEFAULT);
    (site, device, tree)
}

fn object_of(site: &Site, pack: &BuiltPack) -> PathBuf {
    let keys = site.objects("vaults/");
    let name = format!("/{}.0", pack.id);
    site.object_path(keys.iter().find(|key| key.ends_with(&name)).expect("the pack's object"))
}

/// Overwrites the beginning of a frame; gives the object and what was there.
fn damage(site: &Site, pack: &BuiltPack, frame: usize) -> (PathBuf, Vec<u8>) {
    let path = object_of(site, pack);
    let good = std::fs::read(&path).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(&[0; 16], u64::from(pack.table.frames[frame].offset)).unwrap();
    (path, good)
}

fn is_told(site: &Site) -> bool {
    let told = problems(&site.json(Command::Check));
    told.iter().filter(|code| *code == "data_damaged").count() == 1
}

fn verify(site: &Site, read_data: bool) -> u8 {
    site.run(Command::Verify { read_data }).unwrap().exit_status()
}

#[test]
fn what_a_reader_meets_is_told_and_refused_until_it_is_good_again() {
    let (site, device, tree) = site();
    assert_eq!(device.remote.damage().unwrap(), []);
    let (path, good) = damage(&site, &tree.data, 1);
    assert_eq!(device.remote.damage().unwrap(), [], "nobody has looked");
    assert!(!is_told(&site));
    for _ in 0..2 {
        assert_eq!(device.unreadable(&tree), [Code::DataDamaged]);
        assert_eq!(device.remote.damage().unwrap(), [Damaged::frame(tree.data.id, 1)]);
    }
    assert!(is_told(&site));
    assert_eq!(site.device("bert").remote.damage().unwrap(), [], "another vault");

    // A snapshot of the same content is refused, one of what is good is not.
    let commit = |frames: &[u32]| {
        let content: RangeList = frames.iter().map(|frame| tree.data.at(*frame, 0)).collect();
        let ids: Vec<_> = frames.iter().map(|frame| tree.data.table.frames[*frame as usize].ids[0]).collect();
        let (hunks, snapshot, record) = device.agent.snapshot(content, &ids, DEFAULT);
        let lease = device.grant("default");
        device.send(&lease, &hunks);
        device.remote.commit(lease.id, snapshot, &record).map(drop)
    };
    let refused = commit(&[0, 1, 2]).unwrap_err();
    assert_eq!((refused.code, refused.missing), (Code::RangesMissing, vec![(tree.data.id, 1)]));
    commit(&[0, 2]).unwrap();

    // Verification without data looks at what is known all the same.
    assert_eq!(verify(&site, false), exit::COMPLETE);
    assert_eq!(device.remote.damage().unwrap(), [Damaged::frame(tree.data.id, 1)]);
    std::fs::write(&path, &good).unwrap();
    assert_eq!(verify(&site, false), exit::COMPLETE);
    assert_eq!(device.remote.damage().unwrap(), []);
    assert!(!is_told(&site));
    commit(&[0, 1, 2]).unwrap();
}

#[test]
fn what_is_damaged_is_not_found_by_look_ups() {
    let (site, device, tree) = site();
    let lease = device.grant("default");
    let ids: Vec<_> = tree.data.table.frames.iter().map(|frame| frame.ids[0]).collect();
    let found = || device.remote.look_up(lease.id, &ids).unwrap();
    let at = |frame| Some(tree.data.at(frame, 0));
    damage(&site, &tree.data, 1);
    assert_eq!(found(), [at(0), at(1), at(2)], "nobody has looked");
    assert_eq!(device.unreadable(&tree), [Code::DataDamaged]);
    assert_eq!(found(), [at(0), None, at(2)]);
    // Brought anew it is found there.
    let anew = device.agent.data_pack(&[vec![noise(2, 3_000)]]);
    device.send(&lease, &anew);
    assert_eq!(found(), [at(0), Some(anew.at(0, 0)), at(2)]);
}

#[test]
fn one_lost_pack_makes_the_server_look_for_the_others() {
    let (mut site, device, tree) = site();
    let other = device.agent.tree(&[noise(4, 3_000)], DEFAULT);
    device.back_up(&other, DEFAULT);
    for pack in [&tree.data, &tree.hunks] {
        std::fs::remove_file(object_of(&site, pack)).unwrap();
    }
    // What the server has open would still be there.
    site.restart();
    let device = site.again(&device, device.counter.clone());
    let mut codes = Vec::new();
    device
        .remote
        .frames(tree.snapshot, &[(tree.hunks.id, 0)], &mut |_, frame| {
            codes.extend(frame.err().map(|error| error.code));
            Ok(())
        })
        .unwrap();
    assert_eq!(codes, [Code::DataDamaged]);
    let known = device.remote.damage().unwrap();
    for pack in [&tree.data, &tree.hunks] {
        assert!(known.contains(&Damaged::pack(pack.id)), "{known:?}");
    }
    assert!(known.iter().all(|damaged| damaged.pack != other.data.id && damaged.pack != other.hunks.id));
}

#[test]
fn verification_notes_everything_it_finds() {
    let (site, device, tree) = site();
    damage(&site, &tree.data, 0);
    damage(&site, &tree.data, 2);
    std::fs::remove_file(object_of(&site, &tree.hunks)).unwrap();
    assert_eq!(verify(&site, false), exit::DAMAGED);
    assert_eq!(device.remote.damage().unwrap(), [Damaged::pack(tree.hunks.id)]);
    assert_eq!(verify(&site, true), exit::DAMAGED);
    let mut expected =
        [Damaged::frame(tree.data.id, 0), Damaged::frame(tree.data.id, 2), Damaged::pack(tree.hunks.id)];
    expected.sort_unstable();
    assert_eq!(device.remote.damage().unwrap(), expected);
    let view = site.json(Command::Check);
    let problem = view["problems"].as_array().unwrap().iter().find(|one| one["code"] == "data_damaged");
    let message = problem.unwrap()["message"].as_str().unwrap();
    assert!(message.contains("1 pack and 2 frames"), "{message}");
}

#[test]
fn cleanup_notes_what_it_finds_and_forgets_what_it_removes() {
    for is_list_lost in [false, true] {
        let (mut site, device, tree) = site();
        let kept = device.agent.tree(&[noise(4, 3_000)], DEFAULT);
        device.back_up(&kept, DEFAULT);
        std::fs::remove_file(object_of(&site, &tree.data)).unwrap();
        if is_list_lost {
            std::fs::remove_file(object_of(&site, &tree.hunks)).unwrap();
        }
        site.restart();
        let device = site.again(&device, device.counter.clone());
        // Without its list of files cleanup cannot know what the snapshot needs, and stops.
        let status = site.run(Command::Cleanup { dry_run: false }).unwrap().exit_status();
        assert_eq!(status, if is_list_lost { exit::DAMAGED } else { exit::COMPLETE });
        let known = device.remote.damage().unwrap();
        assert!(known.contains(&Damaged::pack(tree.data.id)), "{known:?}");
        assert_eq!(known.contains(&Damaged::pack(tree.hunks.id)), is_list_lost, "{known:?}");
        assert!(is_told(&site));

        // What is deleted stops nobody, once its time is over.
        site.run(Command::SnapshotDelete { ids: vec![tree.snapshot.to_string()] }).unwrap();
        site.set(SettingsChange {
            grace_seconds: Some(0),
            undo_seconds: Some(0),
            ..SettingsChange::default()
        });
        for _ in 0..2 {
            site.clock.advance(DAY * 8 + Duration::from_secs(1));
            assert_eq!(site.run(Command::Cleanup { dry_run: false }).unwrap().exit_status(), exit::COMPLETE);
        }
        assert_eq!(device.remote.damage().unwrap(), []);
        assert!(!is_told(&site));
        assert_eq!(verify(&site, true), exit::COMPLETE);
        assert_eq!(
            site.json(Command::SnapshotList { user: None, deleted: true }).as_array().unwrap().len(),
            1
        );
        assert!(device.unreadable(&kept).is_empty());
    }
}

#[test]
fn a_store_that_is_not_at_its_place_has_not_lost_anything() {
    let (site, device, tree) = site();
    damage(&site, &tree.data, 1);
    let (store, aside) = (site.data().store(), site.path("aside"));
    std::fs::rename(&store, &aside).unwrap();
    // However much of it can still be read.
    let _ = device.remote.frames(tree.snapshot, &[(tree.data.id, 1)], &mut |_, _| Ok(()));
    let told = site.run(Command::Verify { read_data: true }).unwrap().to_string();
    assert!(told.contains("was not verified") && told.contains("[store_missing]"), "{told}");
    assert!(!told.contains("is damaged"), "{told}");
    assert_eq!(device.remote.damage().unwrap(), []);
    std::fs::rename(&aside, &store).unwrap();
    assert_eq!(device.unreadable(&tree), [Code::DataDamaged]);
    assert_eq!(device.remote.damage().unwrap(), [Damaged::frame(tree.data.id, 1)]);
}
