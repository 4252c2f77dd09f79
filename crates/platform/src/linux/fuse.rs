//! The kernel's FUSE requests, handed to a tree by a few threads. Thin: what a request means is the tree's business.

use crate::fuse::{Attributes, MountError, Refusal, Tree};
use crate::{FileKind, Time};
use fuser::{
    AccessFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, KernelConfig, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyXattr, Request, Session,
};
use rustix::mount::{UnmountFlags, unmount};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

const DEVICE: &str = "/dev/fuse";
/// Requests that are answered at the same time. Most of their time they wait for the server.
const THREADS: usize = 16;
/// How often it is asked whether the mount is over.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long the answers under way may take after the folder was unmounted.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// Attributes of `.` and `..`, which the kernel does not take over.
const UNUSED: Duration = Duration::ZERO;
/// Positions in a folder that `.` and `..` take.
const DOTS: u64 = 2;

/// A request with the way for its answer.
type Job = Box<dyn FnOnce(&dyn Tree) + Send>;

/// A mounted tree.
#[derive(Debug)]
pub(crate) struct Mounted {
    session: Session<Bridge>,
    jobs: Receiver<Job>,
    point: PathBuf,
}

pub(crate) fn mount(point: &Path, name: &str) -> Result<Mounted, MountError> {
    if let Err(error) = File::options().read(true).write(true).open(DEVICE) {
        return Err(match error.kind() {
            io::ErrorKind::PermissionDenied => MountError::DeviceDenied,
            _ => MountError::NoDevice,
        });
    }
    let (sender, jobs) = channel();
    let mut config = Config::default();
    config.mount_options =
        vec![MountOption::RO, MountOption::FSName(name.to_owned()), MountOption::Subtype(name.to_owned())];
    let session = Session::new(Bridge { jobs: sender }, point, &config).map_err(|error| refused(&error))?;
    Ok(Mounted { session, jobs, point: point.to_owned() })
}

/// The device is there, so what is not found is the helper.
fn refused(error: &io::Error) -> MountError {
    match error.kind() {
        io::ErrorKind::NotFound => MountError::NoHelper,
        _ => MountError::Refused { reason: error.to_string().trim().to_owned() },
    }
}

pub(crate) fn serve(
    mounted: Mounted,
    tree: &dyn Tree,
    is_over: &dyn Fn() -> bool,
    leave: &dyn Fn(),
) -> Result<(), MountError> {
    let Mounted { mut session, jobs, point } = mounted;
    let mut unmounter = session.unmount_callable();
    let jobs = Mutex::new(jobs);
    // It ends when the tree is unmounted, and with it go the senders of jobs.
    let running = std::thread::Builder::new().name("fuse".into()).spawn(move || session.run());
    let running = running.map_err(|error| refused(&error))?;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| work(&jobs, tree))).collect();
        while !running.is_finished() && !is_over() {
            std::thread::sleep(LOOK_EVERY);
        }
        if !running.is_finished() && unmounter.unmount().is_err() {
            // Somebody is in it: it goes from the file tree at once, and for them when this process ends.
            unmount(&point, UnmountFlags::DETACH).map_err(|errno| refused(&errno.into()))?;
        }
        let end = Instant::now() + LAST_ANSWERS;
        let is_through =
            || running.is_finished() && workers.iter().all(std::thread::ScopedJoinHandle::is_finished);
        while !is_through() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        if !is_through() {
            leave();
        }
        Ok(())
    })?;
    match running.join() {
        Ok(ended) => ended.map_err(|error| refused(&error)),
        Err(_) => Err(MountError::Refused { reason: "the thread that answers the kernel broke off".into() }),
    }
}

/// Does jobs until nobody can send one any more.
fn work(jobs: &Mutex<Receiver<Job>>, tree: &dyn Tree) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(tree),
            Err(_) => return,
        }
    }
}

/// Takes the kernel's requests and makes jobs of them.
#[derive(Debug)]
struct Bridge {
    jobs: Sender<Job>,
}

impl Bridge {
    /// A job that is dropped because all is over answers the kernel with an error by itself.
    fn hand_over(&self, job: impl FnOnce(&dyn Tree) + Send + 'static) {
        drop(self.jobs.send(Box::new(job)));
    }
}

impl Filesystem for Bridge {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Those that this kernel does not have are done without.
        for wish in [InitFlags::FUSE_DO_READDIRPLUS, InitFlags::FUSE_PARALLEL_DIROPS] {
            let _ = config.add_capabilities(wish);
        }
        Ok(())
    }

    fn lookup(&self, _: &Request, folder: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let name = name.as_bytes().to_vec();
        self.hand_over(move |tree| match tree.look_up(folder.0, &name) {
            Ok(found) => reply.entry(&found.keep, &attr(&found), Generation(0)),
            Err(refusal) => reply.error(errno(refusal)),
        });
    }

    fn forget(&self, _: &Request, node: INodeNo, count: u64) {
        self.hand_over(move |tree| tree.forget(node.0, count));
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        self.hand_over(move |tree| match tree.attributes(node.0) {
            Ok(found) => reply.attr(&found.keep, &attr(&found)),
            Err(refusal) => reply.error(errno(refusal)),
        });
    }

    fn readlink(&self, _: &Request, node: INodeNo, reply: ReplyData) {
        self.hand_over(move |tree| match tree.read_link(node.0) {
            Ok(target) => reply.data(&target),
            Err(refusal) => reply.error(errno(refusal)),
        });
    }

    /// The kernel mounted for reading and for one user alone, so that whoever comes here may read.
    fn access(&self, _: &Request, _: INodeNo, _: AccessFlags, reply: ReplyEmpty) {
        reply.ok();
    }

    fn open(&self, _: &Request, node: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.hand_over(move |tree| match tree.open(node.0) {
            // Content never changes: what the kernel has of it stays good.
            Ok(file) => reply.opened(FileHandle(file), FopenFlags::FOPEN_KEEP_CACHE),
            Err(refusal) => reply.error(errno(refusal)),
        });
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        file: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.hand_over(move |tree| match tree.read(file.0, offset, size as usize) {
            Ok(content) => reply.data(&content),
            Err(refusal) => reply.error(errno(refusal)),
        });
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        file: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.hand_over(move |tree| {
            tree.close(file.0);
            reply.ok();
        });
    }

    fn readdir(&self, _: &Request, folder: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        self.hand_over(move |tree| {
            for (place, name) in dots(offset) {
                if reply.add(folder, place, FileType::Directory, name) {
                    return reply.ok();
                }
            }
            let mut any = offset < DOTS;
            let listed = tree.list(folder.0, offset.saturating_sub(DOTS), false, &mut |name, found, next| {
                let taken =
                    !reply.add(INodeNo(found.node), next + DOTS, kind(found.kind), OsStr::from_bytes(name));
                any |= taken;
                taken
            });
            match listed {
                Err(refusal) if !any => reply.error(errno(refusal)),
                _ => reply.ok(),
            }
        });
    }

    fn readdirplus(
        &self,
        _: &Request,
        folder: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        self.hand_over(move |tree| {
            let here = attr(&folder_itself(folder.0));
            for (place, name) in dots(offset) {
                if reply.add(folder, place, name, &UNUSED, &here, Generation(0)) {
                    return reply.ok();
                }
            }
            let mut any = offset < DOTS;
            let listed = tree.list(folder.0, offset.saturating_sub(DOTS), true, &mut |name, found, next| {
                let (node, name) = (INodeNo(found.node), OsStr::from_bytes(name));
                let taken = !reply.add(node, next + DOTS, name, &found.keep, &attr(found), Generation(0));
                any |= taken;
                taken
            });
            match listed {
                // The kernel asks again for what is missing, and meets the error then.
                Err(refusal) if !any => reply.error(errno(refusal)),
                _ => reply.ok(),
            }
        });
    }

    fn getxattr(&self, _: &Request, node: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let name = name.as_bytes().to_vec();
        self.hand_over(move |tree| answer_xattr(tree.xattr(node.0, &name), size, reply));
    }

    fn listxattr(&self, _: &Request, node: INodeNo, size: u32, reply: ReplyXattr) {
        self.hand_over(move |tree| {
            let names = tree.xattr_names(node.0).map(|names| {
                names.into_iter().flat_map(|name| name.into_iter().chain([0])).collect::<Vec<u8>>()
            });
            answer_xattr(names, size, reply);
        });
    }
}

/// `.` and `..` with their positions, as far as they come behind `offset`.
fn dots(offset: u64) -> impl Iterator<Item = (u64, &'static str)> {
    [(1, "."), (2, "..")].into_iter().filter(move |(place, _)| *place > offset)
}

/// First asked for the length alone, then for the bytes.
fn answer_xattr(answer: Result<Vec<u8>, Refusal>, size: u32, reply: ReplyXattr) {
    match answer {
        Ok(bytes) if size == 0 => reply.size(u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
        Ok(bytes) if bytes.len() > size as usize => reply.error(Errno::ERANGE),
        Ok(bytes) => reply.data(&bytes),
        Err(refusal) => reply.error(errno(refusal)),
    }
}

const fn folder_itself(node: u64) -> Attributes {
    let time = Time { sec: 0, nsec: 0 };
    Attributes {
        node,
        kind: FileKind::Dir,
        mode: 0,
        uid: 0,
        gid: 0,
        size_bytes: 0,
        blocks: 0,
        nlink: 1,
        rdev: (0, 0),
        mtime: time,
        ctime: time,
        keep: UNUSED,
    }
}

fn attr(of: &Attributes) -> FileAttr {
    let mtime = time(of.mtime);
    FileAttr {
        ino: INodeNo(of.node),
        size: of.size_bytes,
        blocks: of.blocks,
        atime: mtime,
        mtime,
        ctime: time(of.ctime),
        crtime: mtime,
        kind: kind(of.kind),
        perm: (of.mode & 0o7777) as u16,
        nlink: of.nlink,
        uid: of.uid,
        gid: of.gid,
        rdev: device(of.rdev),
        blksize: 128 << 10,
        flags: 0,
    }
}

const fn kind(kind: FileKind) -> FileType {
    match kind {
        FileKind::File => FileType::RegularFile,
        FileKind::Dir => FileType::Directory,
        FileKind::Symlink => FileType::Symlink,
        FileKind::Fifo => FileType::NamedPipe,
        FileKind::Socket => FileType::Socket,
        FileKind::CharDevice => FileType::CharDevice,
        FileKind::BlockDevice => FileType::BlockDevice,
    }
}

/// A time that the clock's type cannot hold becomes 1970.
fn time(time: Time) -> SystemTime {
    let whole = Duration::from_secs(time.sec.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let second = if time.sec < 0 { epoch.checked_sub(whole) } else { epoch.checked_add(whole) };
    let nanos = Duration::from_nanos(time.nsec.into());
    second.and_then(|second| second.checked_add(nanos)).unwrap_or(epoch)
}

/// As the kernel packs it: 12 bits of the major number between the low 8 and the high 12 of the minor one.
const fn device((major, minor): (u32, u32)) -> u32 {
    (minor & 0xff) | (major & 0xfff) << 8 | (minor & 0xf_ff00) << 12
}

const fn errno(refusal: Refusal) -> Errno {
    match refusal {
        Refusal::NotFound => Errno::ENOENT,
        Refusal::NotAFolder => Errno::ENOTDIR,
        Refusal::NotAFile => Errno::EINVAL,
        Refusal::NoAttribute => Errno::NO_XATTR,
        Refusal::Stale => Errno::ESTALE,
        Refusal::Failed => Errno::EIO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_after_1970_keep_their_nanoseconds() {
        let at = |sec, nsec| time(Time { sec, nsec });
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(at(5, 7), epoch + Duration::new(5, 7));
        assert_eq!(at(-1, 500_000_000), epoch - Duration::from_millis(500));
        assert!(at(i64::MAX, 999_999_999) >= epoch && at(i64::MIN, 0) <= epoch);
    }

    #[test]
    fn device_numbers_are_packed_as_the_kernel_does() {
        assert_eq!(device((8, 1)), 0x0801);
        assert_eq!(device((0xabc, 0x1_2345)), 0x123a_bc45);
    }

    #[test]
    fn the_dots_come_once() {
        assert_eq!([0, 1, 2, 9].map(|offset| dots(offset).count()), [2, 1, 0, 0]);
    }
}
