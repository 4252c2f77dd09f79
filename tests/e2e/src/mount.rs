//! File systems made for a test: in memory, or in an image file behind a loop device. Making them needs root.

use crate::command::Outcome;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system; unmounted when it is dropped.
#[derive(Debug)]
pub struct Mount {
    point: PathBuf,
    is_mounted: bool,
}

impl Mount {
    /// A new file system in memory on the folder `point`, which is made when missing.
    pub fn tmpfs(point: &Path) -> Self {
        Self::by(point, &["-t", "tmpfs", "holdfast-test"])
    }

    /// The same with mount options, such as `size=64m`.
    pub fn tmpfs_with(point: &Path, options: &str) -> Self {
        Self::by(point, &["-t", "tmpfs", "-o", options, "holdfast-test"])
    }

    /// Changes its mount options, such as its size.
    pub fn remount(&self, options: &str) {
        let mut mount = Command::new("mount");
        Outcome::of(mount.args(["-o", &format!("remount,{options}")]).arg(&self.point)).ok();
    }

    /// The ext4 file system in the file `image`, with further mount options such as `ro`.
    pub fn image(image: &Path, point: &Path, options: &str) -> Self {
        let image = image.to_str().expect("a path in UTF-8");
        Self::by(point, &["-t", "ext4", "-o", &format!("loop,{options}"), image])
    }

    fn by(point: &Path, arguments: &[&str]) -> Self {
        std::fs::create_dir_all(point).unwrap();
        Outcome::of(Command::new("mount").args(arguments).arg(point)).ok();
        Self { point: point.to_owned(), is_mounted: true }
    }

    /// Where it is mounted.
    pub fn point(&self) -> &Path {
        &self.point
    }

    /// Unmounts it now.
    #[track_caller]
    pub fn unmount(mut self) {
        self.is_mounted = false;
        Outcome::of(Command::new("umount").arg(&self.point)).ok();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.is_mounted {
            // A test that failed may have left something open in it.
            let _ = Command::new("umount").arg("--lazy").arg(&self.point).output();
        }
    }
}

/// Makes the file `image` of this size with an empty ext4 file system in it. `arguments` are for mkfs.
pub fn make_image(image: &Path, bytes: u64, arguments: &[&str]) {
    std::fs::File::create(image).unwrap().set_len(bytes).unwrap();
    let mut mkfs = Command::new("mkfs.ext4");
    Outcome::of(mkfs.args(["-q", "-F", "-E", "nodiscard"]).args(arguments).arg(image)).ok();
}
