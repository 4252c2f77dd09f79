//! Error numbers that callers tell apart. They are those of Linux: another system brings its own here.

/// There is no such entry.
pub const ENOENT: i32 = 2;
/// The medium failed.
pub const EIO: i32 = 5;
/// The descriptor is not open for this.
pub const EBADF: i32 = 9;
/// Permission denied.
pub const EACCES: i32 = 13;
/// The name is taken.
pub const EEXIST: i32 = 17;
/// Something on the way is no folder.
pub const ENOTDIR: i32 = 20;
/// It is a folder.
pub const EISDIR: i32 = 21;
/// The request makes no sense to the file system.
pub const EINVAL: i32 = 22;
/// The whole system has too many files open.
pub const ENFILE: i32 = 23;
/// This process has too many files open.
pub const EMFILE: i32 = 24;
/// The file would become larger than the file system takes.
pub const EFBIG: i32 = 27;
/// No space is left.
pub const ENOSPC: i32 = 28;
/// The file system is read-only.
pub const EROFS: i32 = 30;
/// A name or path is longer than the system takes.
pub const ENAMETOOLONG: i32 = 36;
/// The kernel does not have this call.
pub const ENOSYS: i32 = 38;
/// The folder is not empty.
pub const ENOTEMPTY: i32 = 39;
/// Symbolic links lead in a circle, or there is one where none may be.
pub const ELOOP: i32 = 40;
/// There is no such attribute.
pub const ENODATA: i32 = 61;
/// The name has bytes that the file system does not take.
pub const EILSEQ: i32 = 84;
/// The file system does not have this call.
pub const EOPNOTSUPP: i32 = 95;
/// The program behind a mount broke it off.
pub const ECONNABORTED: i32 = 103;
/// The program behind a mount has ended.
pub const ENOTCONN: i32 = 107;
/// No answer in time.
pub const ETIMEDOUT: i32 = 110;
/// What was open is not there any more.
pub const ESTALE: i32 = 116;
