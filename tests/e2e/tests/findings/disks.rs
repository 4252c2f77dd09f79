//! Disks that fail: a file system whose image ends too early gives an input/output error on reading.

use crate::report::Run;
use e2e::random::Random;
use e2e::{Mount, Outcome, Site, mount, tree};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const EIO: i64 = 5;
const BLOCK: u64 = 4096;

/// The first and the last block of a file in an ext4 image.
fn blocks(image: &Path, name: &str) -> (u64, u64) {
    let request = format!("blocks /{name}");
    let outcome = Outcome::of(Command::new("debugfs").args(["-R", &request]).arg(image)).ok();
    let numbers: Vec<u64> = outcome.stdout.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    (*numbers.iter().min().unwrap(), *numbers.iter().max().unwrap())
}

struct Disk {
    site: Site,
    image: PathBuf,
    point: PathBuf,
    whole: PathBuf,
}

impl Disk {
    /// An image with small files in front and a large one behind them.
    fn new() -> Self {
        let site = Site::new();
        let (image, point, whole) = (site.path("image"), site.path("disk"), site.path("whole image"));
        mount::make_image(&image, 64 << 20, &["-b", &BLOCK.to_string(), "-O", "^has_journal"]);
        let disk = Self { site, image, point, whole };
        let mounted = disk.mount("rw");
        // Left out by default.
        fs::remove_dir(disk.point.join("lost+found")).unwrap();
        let mut random = Random::new();
        for number in 0..10 {
            fs::write(disk.point.join(format!("small{number}")), random.bytes(20_000)).unwrap();
        }
        fs::write(disk.point.join("large"), random.bytes(16 << 20)).unwrap();
        mounted.unmount();
        disk
    }

    fn mount(&self, options: &str) -> Mount {
        Mount::image(&self.image, &self.point, options)
    }

    /// Mounts the image read-only and cuts it off in the middle of `large`, behind all else.
    fn mount_and_cut(&self) -> Mount {
        Outcome::of(Command::new("cp").arg("--sparse=always").arg(&self.image).arg(&self.whole)).ok();
        let (first, last) = blocks(&self.image, "large");
        let cut = (first + last) / 2;
        for number in 0..10 {
            let small = blocks(&self.image, &format!("small{number}"));
            assert!(small.1 < cut, "small{number} lies behind the cut");
        }
        let mounted = self.mount("ro");
        File::options().write(true).open(&self.image).unwrap().set_len(cut * BLOCK).unwrap();
        mounted
    }

    fn heal(&self) {
        fs::rename(&self.whole, &self.image).unwrap();
    }
}

#[test]
fn root_an_input_output_error_keeps_the_last_good_version() {
    let disk = Disk::new();
    let agent = disk.site.device("laptop");
    let good = disk.site.path("good");
    let mounted = disk.mount("rw");
    Run::of(&agent, &[&disk.point], &[]).assert_found(&[]);
    Outcome::of(Command::new("cp").arg("-a").arg(&disk.point).arg(&good)).ok();
    // The next run has something to read: the large file grows, a small one changes.
    let large = disk.point.join("large");
    let mut file = File::options().append(true).open(&large).unwrap();
    file.write_all(b"new at its end").unwrap();
    drop(file);
    // In place, so that its block stays in front.
    let small = File::options().write(true).open(disk.point.join("small3")).unwrap();
    small.write_all_at(b"changed", 0).unwrap();
    small.set_len(7).unwrap();
    drop(small);
    mounted.unmount();

    let broken = disk.mount_and_cut();
    let run = Run::of(&agent, &[&disk.point], &[]);
    run.assert_found(&[(&large, "read_error", EIO, true)]);
    assert_eq!(run.summary["files"], 11, "{}", run.summary);
    let since = run.first_seen(&large);
    let target = disk.site.path("target");
    run.restore(&agent, &disk.point, &target);
    assert!(fs::read(target.join("large")).unwrap() == fs::read(good.join("large")).unwrap());
    assert_eq!(fs::read(target.join("small3")).unwrap(), b"changed");
    let again = Run::of(&agent, &[&disk.point], &[]);
    again.assert_found(&[(&large, "read_error", EIO, true)]);
    assert_eq!(again.first_seen(&large), since);
    broken.unmount();

    disk.heal();
    let mounted = disk.mount("ro");
    let healed = Run::of(&agent, &[&disk.point], &[]);
    healed.assert_found(&[]);
    let target = disk.site.path("healed");
    healed.restore(&agent, &disk.point, &target);
    tree::assert_equal(&disk.point, &target);
    mounted.unmount();
}

#[test]
fn root_a_first_backup_of_a_failing_disk_saves_the_rest() {
    let disk = Disk::new();
    let agent = disk.site.device("laptop");
    let broken = disk.mount_and_cut();
    let large = disk.point.join("large");
    let run = Run::of(&agent, &[&disk.point], &[]);
    run.assert_found(&[(&large, "read_error", EIO, false)]);
    let target = disk.site.path("target");
    let what = format!("latest:{}", disk.point.display());
    agent.run(["restore", &what, "--to", target.to_str().unwrap()]).expect(3);
    assert!(!target.join("large").exists());
    for number in 0..10 {
        let name = format!("small{number}");
        assert!(fs::read(target.join(&name)).unwrap() == fs::read(disk.point.join(&name)).unwrap(), "{name}");
    }
    broken.unmount();
}
