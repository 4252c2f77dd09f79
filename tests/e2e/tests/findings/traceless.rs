//! Changes that leave no trace in size and times are caught, and files without any are not read again.

use crate::report::Run;
use e2e::{Mount, Outcome, Site, mount, tree};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

/// Overwrites a file with as many bytes, and sets the time of its last change back.
fn overwrite(path: &Path, content: &[u8]) {
    let before = fs::metadata(path).unwrap();
    assert_eq!(before.len(), content.len() as u64);
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(content, 0).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    let after = fs::metadata(path).unwrap();
    assert_eq!((before.mtime(), before.mtime_nsec()), (after.mtime(), after.mtime_nsec()));
}

#[test]
fn a_change_with_its_time_set_back_is_caught() {
    let site = Site::new();
    let root = site.path("tree");
    fs::create_dir(&root).unwrap();
    for name in ["old", "new"] {
        fs::write(root.join(name), "first version").unwrap();
    }
    let long_ago = SystemTime::now() - Duration::from_secs(100_000);
    File::options().write(true).open(root.join("old")).unwrap().set_modified(long_ago).unwrap();
    let agent = site.device("laptop");
    Run::of(&agent, &[&root], &[]).assert_found(&[]);
    overwrite(&root.join("old"), b"other content");
    overwrite(&root.join("new"), b"other content");
    let run = Run::of(&agent, &[&root], &[]);
    let target = site.path("target");
    run.restore(&agent, &root, &target);
    tree::assert_equal(&root, &target);
    assert_eq!(fs::read(target.join("old")).unwrap(), b"other content");
}

#[test]
fn a_file_put_in_the_place_of_another_is_caught() {
    let site = Site::new();
    let root = site.path("tree");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("file"), "first version").unwrap();
    fs::write(site.path("other"), "other content").unwrap();
    let time = fs::metadata(root.join("file")).unwrap().modified().unwrap();
    File::options().write(true).open(site.path("other")).unwrap().set_modified(time).unwrap();
    let agent = site.device("laptop");
    Run::of(&agent, &[&root], &[]);
    fs::rename(site.path("other"), root.join("file")).unwrap();
    Run::of(&agent, &[&root], &[]);
    let content = agent.run(["cat", &format!("latest:{}", root.join("file").display())]).ok();
    assert_eq!(content.stdout, "other content");
}

/// The kernel keeps the times of an inode where no program can set them all back; debugfs can, on an image that is
/// not mounted. So this is a change in the same moment as the first version's, on a file system with coarse times.
#[test]
fn root_a_change_without_any_trace_is_caught_near_the_last_read() {
    let site = Site::new();
    let (image, point) = (site.path("image"), site.path("disk"));
    mount::make_image(&image, 16 << 20, &[]);
    let agent = site.device("laptop");
    let file = point.join("file");
    let stat = |path: &Path| {
        let found = fs::metadata(path).unwrap();
        let times = (found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec());
        (found.ino(), found.len(), times)
    };
    let device = |mount: &Mount| {
        let arguments = ["-n", "-o", "SOURCE", "--mountpoint"];
        Outcome::of(Command::new("findmnt").args(arguments).arg(mount.point())).ok().stdout
    };

    // A time in the future is always 'within two seconds of the last read or later', however slow this machine is.
    let mounted = Mount::image(&image, &point, "rw");
    fs::write(&file, "first version").unwrap();
    let ahead = SystemTime::now() + Duration::from_secs(3600);
    File::options().write(true).open(&file).unwrap().set_modified(ahead).unwrap();
    let first = Run::of(&agent, &[&point], &[]);
    first.assert_found(&[]);
    let before = (stat(&file), device(&mounted));
    overwrite(&file, b"other content");
    mounted.unmount();

    let (seconds, nanos) = (before.0.2.2, before.0.2.3);
    // ext4 holds nanoseconds in the upper 30 bits of a second field, and two more bits of the seconds below them.
    let extra = (nanos << 2) | (((seconds - i64::from(seconds as i32)) >> 32) & 3);
    for (field, value) in [("ctime", format!("@{seconds}")), ("ctime_extra", extra.to_string())] {
        let request = format!("set_inode_field /file {field} {value}");
        Outcome::of(Command::new("debugfs").args(["-w", "-R", &request]).arg(&image)).ok();
    }
    let mounted = Mount::image(&image, &point, "rw");
    assert_eq!(stat(&file), before.0, "the change left a trace");
    assert_eq!(fs::read(&file).unwrap(), b"other content");
    let run = Run::of(&agent, &[&point], &[]);
    run.assert_found(&[]);
    let content = agent.run(["cat", &format!("latest:{}", file.display())]).ok();
    assert_eq!(content.stdout, "other content");
    mounted.unmount();
}

#[test]
fn what_is_unchanged_and_old_enough_is_not_read_again() {
    let site = Site::new();
    let root = site.path("tree");
    fs::create_dir(&root).unwrap();
    for number in 0..50 {
        fs::write(root.join(format!("file{number}")), format!("content of {number}")).unwrap();
    }
    // Files count as possibly changed when their times lie within two seconds of their last read: until that is over,
    // a run reads them again.
    std::thread::sleep(Duration::from_millis(2100));
    let agent = site.device("laptop");
    let first = Run::of(&agent, &[&root], &[]);
    assert!(first.summary["read_bytes"].as_u64().unwrap() > 0);
    fs::write(root.join("file7"), "changed").unwrap();
    let second = Run::of(&agent, &[&root], &[]);
    assert_eq!(second.summary["read_bytes"], "changed".len(), "{}", second.summary);
    // Deleting the cache costs no reading either: the base comes from the server.
    fs::remove_dir_all(agent.state().join("cache")).unwrap();
    std::thread::sleep(Duration::from_millis(2100));
    let third = Run::of(&agent, &[&root], &[]);
    assert_eq!(third.summary["read_bytes"], "changed".len(), "{}", third.summary);
    let fourth = Run::of(&agent, &[&root], &[]);
    assert_eq!(fourth.summary["read_bytes"], 0, "{}", fourth.summary);
    assert_eq!(fourth.summary["files"], 50);
}
