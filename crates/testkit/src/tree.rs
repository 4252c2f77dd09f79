//! Reads file trees and tells how two differ: what `rsync -aHAXn --checksum --delete` looks at, and also nanoseconds,
//! holes, times of links, and names and paths of any bytes and length.

use format::entry::{Entry, EntryKind, flags};
use platform::{Dir, FileKind, Listing, Result, Stat};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Everything about one name but its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits; 0 for links, which have none.
    pub mode: u32,
    /// Owner and group by number.
    pub owner: (u32, u32),
    /// Bytes of a file, 0 for others.
    pub size: u64,
    /// Seconds and nanoseconds.
    pub modified: (i64, u32),
    /// Numbers of a device.
    pub device: (u32, u32),
    /// Target of a link.
    pub target: Vec<u8>,
    /// Extended attributes, access lists among them.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Hash of a file's content; `None` when it is not known.
    pub content: Option<[u8; 32]>,
    /// Stored runs of a file: offset and length, on blocks of 4 KiB; `None` when they are not known.
    pub runs: Option<Vec<(u64, u64)>>,
    inode: (u64, u64),
    has_other_names: bool,
}

/// A tree: its nodes by their paths below its top, which is empty for the top itself.
pub type Tree = BTreeMap<Vec<u8>, Node>;

/// What a comparison looks at.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Owner and group.
    pub owners: bool,
    /// Runs of sparse files.
    pub holes: bool,
    /// The top itself.
    pub top: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { owners: true, holes: true, top: true }
    }
}

/// The differences between the trees at two paths, one line each; none when they are equal.
pub fn compare(left: &Path, right: &Path, look: Look) -> Result<Vec<String>> {
    Ok(differences(&read(left)?, &read(right)?, look))
}

/// Reads the tree at `top`.
pub fn read(top: &Path) -> Result<Tree> {
    // Each level of the way down is opened once and left through its parent, so that depth does not matter.
    let mut tree = Tree::new();
    let mut dir = Dir::open_root(top)?;
    tree.insert(Vec::new(), node(&dir, None)?);
    let mut path: Vec<u8> = Vec::new();
    let mut levels: Vec<(Listing, usize, usize)> = vec![(dir.names()?, 0, 0)];
    while let Some((listing, next, length)) = levels.last_mut() {
        path.truncate(*length);
        let Some(name) = listing.get(*next).map(|entry| entry.name.to_vec()) else {
            levels.pop();
            if !levels.is_empty() {
                dir = dir.open_parent()?;
            }
            continue;
        };
        *next += 1;
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&name);
        let node = node(&dir, Some(&name))?;
        let is_folder = node.kind == EntryKind::Dir;
        tree.insert(path.clone(), node);
        if is_folder {
            dir = dir.open_child(&name)?;
            levels.push((dir.names()?, 0, path.len()));
        }
    }
    Ok(tree)
}

/// The tree that entries describe: those at and below `top`, without content.
pub fn of_entries<'e>(entries: impl IntoIterator<Item = &'e Entry>, top: &[u8]) -> Tree {
    let below = entries.into_iter().filter(|entry| format::path::is_within(&entry.path, top));
    below
        .map(|entry| {
            let path = entry.path[top.len()..].strip_prefix(b"/").unwrap_or(&entry.path[top.len()..]);
            (path.to_vec(), of_entry(entry))
        })
        .collect()
}

/// The differences between two trees, one line each.
pub fn differences(left: &Tree, right: &Tree, look: Look) -> Vec<String> {
    let mut found = Vec::new();
    for (path, node) in left {
        match right.get(path) {
            None => found.push(format!("{}: only left", show(path))),
            Some(_) if path.is_empty() && !look.top => {}
            Some(other) => {
                found.extend(differ(node, other, look).map(|what| format!("{}: {what}", show(path))));
            }
        }
    }
    found.extend(
        right
            .keys()
            .filter(|path| !left.contains_key(*path))
            .map(|path| format!("{}: only right", show(path))),
    );
    let (left, right) = (groups(left), groups(right));
    found.extend(left.iter().filter(|group| !right.contains(group)).map(|group| links(group, "left")));
    found.extend(right.iter().filter(|group| !left.contains(group)).map(|group| links(group, "right")));
    found
}

/// The names of each file that has several in the tree.
fn groups(tree: &Tree) -> Vec<Vec<&[u8]>> {
    let mut files: HashMap<(u64, u64), Vec<&[u8]>> = HashMap::new();
    for (path, node) in tree.iter().filter(|(_, node)| node.has_other_names && node.kind != EntryKind::Dir) {
        files.entry(node.inode).or_default().push(path);
    }
    let mut groups: Vec<_> = files.into_values().filter(|names| names.len() > 1).collect();
    groups.sort();
    groups
}

fn links(group: &[&[u8]], side: &str) -> String {
    let names: Vec<String> = group.iter().map(|path| show(path)).collect();
    format!("hard links only {side}: {}", names.join(", "))
}

/// What differs between two nodes, in words.
fn differ(left: &Node, right: &Node, look: Look) -> impl Iterator<Item = String> {
    let mut found = Vec::new();
    let mut note = |what: &str, left: &dyn std::fmt::Debug, right: &dyn std::fmt::Debug, equal: bool| {
        if !equal {
            found.push(format!("{what} {left:?}, {right:?}"));
        }
    };
    note("kind", &left.kind, &right.kind, left.kind == right.kind);
    note("mode", &left.mode, &right.mode, left.mode == right.mode);
    note("owner", &left.owner, &right.owner, !look.owners || left.owner == right.owner);
    note("size", &left.size, &right.size, left.size == right.size);
    note("time", &left.modified, &right.modified, left.modified == right.modified);
    note("device", &left.device, &right.device, left.device == right.device);
    note("target", &left.target, &right.target, left.target == right.target);
    note("attributes", &left.xattrs, &right.xattrs, left.xattrs == right.xattrs);
    let known = left.content.is_some() && right.content.is_some();
    note("content", &"", &"", !known || left.content == right.content);
    let known = look.holes && left.runs.is_some() && right.runs.is_some();
    note("runs", &left.runs, &right.runs, !known || left.runs == right.runs);
    found.into_iter()
}

fn show(path: &[u8]) -> String {
    let text = if path.is_empty() { ".".to_owned() } else { path.escape_ascii().to_string() };
    // The ends of a very long path say most.
    if text.len() > 200 { format!("{}...{}", &text[..80], &text[text.len() - 80..]) } else { text }
}

fn node(dir: &Dir, name: Option<&[u8]>) -> Result<Node> {
    let at = name.map_or(platform::Node::Dir(dir), |name| dir.child(name));
    let stat = at.stat()?;
    let xattrs = at.xattrs()?;
    if let Some(error) = xattrs.unreadable {
        return Err(error);
    }
    let xattrs = xattrs.entries.into_iter().map(|xattr| (xattr.name, xattr.value)).collect();
    let mut node = of_stat(&stat, xattrs);
    match (stat.kind, name) {
        (FileKind::Symlink, Some(name)) => node.target = dir.read_link(name)?,
        (FileKind::File, Some(name)) => {
            let file = dir.open_file(name)?;
            let runs = stored_runs(&file, stat.size_bytes)?;
            node.content = Some(hash(&file, stat.size_bytes, &runs)?);
            node.runs = Some(in_blocks(runs, stat.size_bytes));
        }
        _ => {}
    }
    Ok(node)
}

fn of_stat(stat: &Stat, xattrs: Vec<(Vec<u8>, Vec<u8>)>) -> Node {
    let kind = match stat.kind {
        FileKind::File => EntryKind::File,
        FileKind::Dir => EntryKind::Dir,
        FileKind::Symlink => EntryKind::Symlink,
        FileKind::Fifo => EntryKind::Fifo,
        FileKind::Socket => EntryKind::Socket,
        FileKind::CharDevice => EntryKind::CharDevice,
        FileKind::BlockDevice => EntryKind::BlockDevice,
    };
    Node {
        kind,
        mode: if kind == EntryKind::Symlink { 0 } else { stat.mode },
        owner: (stat.uid, stat.gid),
        size: if kind == EntryKind::File { stat.size_bytes } else { 0 },
        modified: (stat.mtime.sec, stat.mtime.nsec),
        device: stat.rdev,
        target: Vec::new(),
        xattrs,
        content: None,
        runs: None,
        inode: (stat.dev, stat.ino),
        has_other_names: stat.nlink > 1,
    }
}

fn of_entry(entry: &Entry) -> Node {
    let runs = entry.has(flags::SPARSE).then(|| {
        let mut from = 0;
        let runs = entry.rare.runs.iter().map(|run| {
            from += run.hole + run.length;
            (from - run.length, run.length)
        });
        in_blocks(runs.collect(), entry.size)
    });
    Node {
        kind: entry.kind,
        mode: if entry.kind == EntryKind::Symlink { 0 } else { entry.mode },
        owner: (entry.owner.uid, entry.owner.gid),
        size: entry.size,
        modified: (entry.modified.secs, entry.modified.nanos),
        device: entry.rare.device.unwrap_or_default(),
        target: entry.rare.target.clone().unwrap_or_default(),
        xattrs: entry.rare.xattrs.iter().map(|xattr| (xattr.name.clone(), xattr.value.clone())).collect(),
        content: None,
        runs,
        inode: (entry.dev, entry.ino),
        has_other_names: entry.has(flags::HARD_LINK),
    }
}

fn stored_runs(file: &File, size: u64) -> Result<Vec<(u64, u64)>> {
    platform::file::segments(file, size).map(|run| run.map(|run| (run.offset, run.len))).collect()
}

/// File systems store whole blocks, so runs are told apart no finer than that.
fn in_blocks(runs: Vec<(u64, u64)>, size: u64) -> Vec<(u64, u64)> {
    const BLOCK: u64 = 4096;
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, length) in runs {
        let start = from / BLOCK * BLOCK;
        let end = (from + length).next_multiple_of(BLOCK).min(size);
        match joined.last_mut() {
            Some((first, length)) if *first + *length >= start => *length = end - *first,
            _ => joined.push((start, end - start)),
        }
    }
    joined
}

/// Hash of the stored content with the places where it differs from zeros, so that holes of any size cost nothing.
fn hash(file: &File, size: u64, runs: &[(u64, u64)]) -> Result<[u8; 32]> {
    const BLOCK: u64 = 4096;
    use std::os::unix::fs::FileExt;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&size.to_le_bytes());
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    for (from, length) in runs {
        // Whole blocks, so that the same bytes give the same hash wherever the runs end.
        let mut at = (from / BLOCK * BLOCK).max(done);
        let end = (from + length).next_multiple_of(BLOCK).min(size);
        while at < end {
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
            let read = file.read_at(&mut buffer[..wanted], at);
            let got = read.map_err(|error| platform::Error::from_io("read file", &error))?;
            if got == 0 {
                break;
            }
            for (number, block) in buffer[..got].chunks(BLOCK as usize).enumerate() {
                if block.iter().any(|byte| *byte != 0) {
                    hasher.update(&(at + number as u64 * BLOCK).to_le_bytes()).update(block);
                }
            }
            at += got as u64;
        }
        done = done.max(end);
    }
    Ok(*hasher.finalize().as_bytes())
}

/// All of a file's content, for small files of tests.
pub fn content(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests;
