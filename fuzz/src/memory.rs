//! The promise that a decoder takes no more memory than its input and the format's bounds explain.

/// What any decoder may take, in bytes, however short its input is.
pub const BASE: usize = 64 << 10;

/// Runs `decode` and gives its answer; panics when it held more than `limit` bytes at one time.
/// Memory of C libraries is not counted.
pub fn within<T>(limit: usize, decode: impl FnOnce() -> T) -> T {
    let mut answer = None;
    let info = allocation_counter::measure(|| answer = Some(decode()));
    assert!(info.bytes_max <= limit as u64, "it held {} bytes of memory, more than {limit}", info.bytes_max);
    answer.unwrap()
}
