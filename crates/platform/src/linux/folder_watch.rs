//! Watches on folders by inotify.

use super::{Handle, os, proc_path};
use crate::folder_watch::{FolderEvent, FolderId};
use crate::{Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::time::Duration;

const WATCH: &str = "watch folders";

/// Room for some hundreds of events.
const BUFFER: usize = 32 << 10;

#[derive(Debug)]
pub(crate) struct FolderWatch(OwnedFd);

impl FolderWatch {
    pub(crate) fn new() -> Result<Self> {
        inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map(Self).map_err(os(WATCH))
    }

    pub(crate) fn add(&self, dir: &Handle) -> Result<i32> {
        // Changes of files that have no name any more are nobody's business.
        let events = WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ATTRIB
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR
            | WatchFlags::EXCL_UNLINK;
        // By its descriptor: what has taken the place of a path meanwhile is another folder.
        inotify::add_watch(&self.0, proc_path::of(dir.as_fd()).as_c_str(), events).map_err(os(WATCH))
    }

    pub(crate) fn remove(&self, folder: i32) {
        // It may have ended by itself.
        let _ = inotify::remove_watch(&self.0, folder);
    }

    pub(crate) fn read(&self, mut take: impl FnMut(FolderEvent)) -> Result<()> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(&self.0, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(os(WATCH)(errno)),
            };
            let name = event.file_name().map(|name| name.to_bytes().to_vec());
            if let Some(event) = told(event.events(), FolderId(event.wd()), name) {
                take(event);
            }
        }
    }

    pub(crate) fn wait(&self, longest: Duration) -> Result<bool> {
        let longest = Timespec::try_from(longest).map_err(|_| Error::unsupported(WATCH))?;
        let mut waits = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut waits, Some(&longest)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(errno) => Err(os(WATCH)(errno)),
        }
    }
}

fn told(flags: ReadFlags, folder: FolderId, name: Option<Vec<u8>>) -> Option<FolderEvent> {
    if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
        return Some(FolderEvent::Lost);
    }
    let is_dir = flags.contains(ReadFlags::ISDIR);
    match name {
        Some(name) if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) => {
            Some(FolderEvent::Came(folder, name, is_dir))
        }
        Some(name) if flags.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) => {
            Some(FolderEvent::Went(folder, name, is_dir))
        }
        Some(name) => Some(FolderEvent::Changed(folder, name)),
        // The end of a watch comes after whatever ended it, and once.
        None if flags.contains(ReadFlags::IGNORED) => Some(FolderEvent::Gone(folder)),
        None if flags.contains(ReadFlags::MOVE_SELF) => Some(FolderEvent::Moved(folder)),
        None if flags.contains(ReadFlags::ATTRIB) => Some(FolderEvent::Attributes(folder)),
        None => None,
    }
}
