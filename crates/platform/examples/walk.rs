//! Walks a tree on one thread, sorted and with the attributes of each entry, and prints how fast.
//! Usage: `cargo run --profile quick -p platform --example walk -- PATH`.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use platform::{Dir, FileKind, Result, Stat};
use std::path::PathBuf;
use std::time::Instant;

#[derive(Default)]
struct Total {
    entries: u64,
    bytes: u64,
    unreadable: u64,
}

fn walk(dir: &Dir, of: &Stat, total: &mut Total) -> Result<()> {
    let mut names = dir.names()?;
    names.sort_by_name();
    for entry in &names {
        let Ok(stat) = dir.stat(entry.name) else {
            total.unreadable += 1;
            continue;
        };
        total.entries += 1;
        if stat.kind == FileKind::File {
            total.bytes += stat.size_bytes;
        } else if stat.kind == FileKind::Dir && stat.dev == of.dev {
            let walked = dir.open_child(entry.name).and_then(|child| walk(&child, &stat, total));
            total.unreadable += u64::from(walked.is_err());
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    for pass in 1..=3 {
        let started = Instant::now();
        let mut total = Total::default();
        let root = Dir::open_root(&path)?;
        walk(&root, &root.stat_self()?, &mut total)?;
        let seconds = started.elapsed().as_secs_f64();
        let rate = total.entries as f64 / seconds;
        println!(
            "pass {pass}: {} entries, {} bytes, {} unreadable, {seconds:.3} s, {rate:.0} entries/s",
            total.entries, total.bytes, total.unreadable
        );
    }
    Ok(())
}
